import type { Store } from '@haldane/store';
import { takeBackUnanswered } from './take-back.ts';

/**
 * What is left over on this machine, and the changes of rights that nobody owned to. The first needs no database and is done whatever becomes of
 * the second (law 3); then what failed is thrown.
 */
export async function sweepAll(store: Pick<Store, 'rights' | 'audit'>, sweepMachine: () => Promise<unknown>): Promise<void> {
  const done = await Promise.allSettled([sweepMachine(), takeBackUnanswered(store)]);
  for (const one of done) if (one.status === 'rejected') throw one.reason;
}

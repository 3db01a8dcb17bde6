import { type Arm, arms, type Contacts, type Platform } from '@haldane/core';
import { each, type Sidecars } from './sidecars.ts';

/**
 * What the sidecars of both arms counted, second by second. A second is closed when every sidecar has closed it: one that does not answer
 * holds all of them up, for what its instance met nobody knows. Null: nothing is called through sidecars here.
 */
export function contactsOf(sidecars: Sidecars): NonNullable<Platform['contacts']> {
  return async (runId, after, signal) => {
    const all = (await Promise.all(arms.map((arm) => sidecars.of(runId, arm, signal)))).flat().filter(({ proxies }) => proxies.length > 0);
    if (all.length === 0) return null;
    const told = await each(all, ({ client }) => client.names(runId, after, signal));
    const blocks = told.flatMap((one) => one.blocks);
    const through = Math.min(...told.map((one) => one.closed));
    return { through, of: (at) => ({ dependencyCalls: sum(at, 'dependencyCalls'), met: sum(at, 'met') }) };

    function sum(at: number, what: keyof Contacts): Readonly<Record<Arm, number>> {
      const those = blocks.filter((block) => block.at === at);
      const of = (arm: Arm) => those.reduce((total, block) => total + block[what][arm], 0);
      return { control: of('control'), experiment: of('experiment') };
    }
  };
}

import type { Claim, Clock, Journal, RunStore } from '@haldane/core';

/**
 * Ends a claimed run that nobody can drive, if nothing of it is in the world: its journal is empty or all of it was seen to be back. Returns
 * the ids of the changes that are not back otherwise: then the run stays, and holds its service.
 */
export async function giveUp(
  store: { readonly runs: Pick<RunStore, 'advance'>; readonly journal: Pick<Journal, 'entries'> },
  { run, fence }: Claim,
  why: string,
  clock: Clock,
): Promise<readonly string[]> {
  const open = (await store.journal.entries(run.id)).filter((entry) => entry.state !== 'reverted');
  if (open.length === 0) await store.runs.advance(fence, run.version, { to: 'done', stop: { reason: 'error', why, at: clock.now() } });
  return open.map((entry) => entry.change.id);
}

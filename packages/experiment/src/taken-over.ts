import type { Change, JournalEntry } from '@haldane/core';
import type { World } from './world.ts';

/** Ids of the changes that a run made and that are not there any more. */
export async function endedMeanwhile(world: World, runId: string, signal: AbortSignal): Promise<readonly string[]> {
  const ended = async ({ change, before }: JournalEntry) =>
    (await world.kinds.find(({ kind }) => kind === change.kind)?.isReverted(change.params, before, signal)) !== false;
  const looked = (await standing(world, runId)).map(async (entry) => ((await ended(entry)) ? [entry.change.id] : []));
  return (await Promise.all(looked)).flat();
}

/** Those of the slices that give the arms users now. */
export async function slicesStanding(world: World, runId: string, slices: readonly (Change | null)[]): Promise<readonly Change[]> {
  const ids = new Set((await standing(world, runId)).map(({ change }) => change.id));
  return slices.filter((slice) => slice !== null && ids.has(slice.id)) as readonly Change[];
}

async function standing(world: World, runId: string): Promise<readonly JournalEntry[]> {
  return (await world.journal.entries(runId)).filter(({ state }) => state === 'applied');
}

import { messageOf, type Run } from '@haldane/core';
import { restore } from '@haldane/engine';
import { subjectOf } from './subject/subject-of.ts';
import type { Hand, World } from './world.ts';

/** Past this, what is not back is called stuck and a person is told; restoring goes on. */
const restoreDeadlineMs = 60_000;

type PutBack = Awaited<ReturnType<typeof restore>>;

/** Puts back all that is left of the run, from the journal alone. */
export function putBack({ journal, kinds, clock, platform, trace }: World, hand: Hand, runId: string): Promise<PutBack> {
  return restore(journal, kinds, hand.hold.fence, runId, {
    clock,
    deadlineMs: platform.patience?.restoreMs ?? restoreDeadlineMs,
    signal: hand.lost,
    settleMs: platform.settleMs,
    ...(trace && { trace }),
  });
}

/** Whether the world is whole again, by the journal and by what the platform sees; stores it, and tells of it. */
export async function lookWhole(world: World, hand: Hand, run: Run, { stuck, kept, clean, superseded }: PutBack) {
  const left = await leftoversOf(world, run);
  const at = world.clock.now();
  const still = [...stuck, ...kept, ...(clean ? left : [])];
  const isWhole = still.length === 0;
  const check = { name: 'leftovers', at, passed: isWhole, seen: still.join('; ') || 'nothing of this run is left' } as const;
  await world.evidence.append(hand.hold.fence, { checks: [check] });
  await hand.tell(isWhole ? 'restored' : 'stuck', { clean: isWhole, what: still });
  return { at, clean: isWhole, stuck: still, superseded };
}

/** What of the run the platform still sees, and its silence as such: a platform that cannot be asked is not a clean one. */
async function leftoversOf({ platform, scenario }: World, run: Run): Promise<readonly string[]> {
  try {
    const { twinOf } = subjectOf(platform, scenario, run.experiment);
    return await platform.leftovers(run.id, AbortSignal.timeout(10_000), twinOf);
  } catch (error) {
    return [`what is left could not be asked: ${messageOf(error)}`];
  }
}

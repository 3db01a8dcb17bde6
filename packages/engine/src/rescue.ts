import type { Claim, Clock, Run, RunStore } from '@haldane/core';
import { nextPhase } from './machine.ts';

/**
 * Law 9: a run that lost its runner is restored, not resumed. An abandoned claim in any phase after planning gets the stop
 * `lease-lost` (unless the run was stopping already) and goes to restoring; anything else is given back unchanged. Call it
 * before `drive`. It presumes that the run was claimed with a grace of at least the apply time-out, so that no apply of the
 * lost runner is still allowed to run; `restore`'s second look (`settleMs`) covers one that the platform shows late.
 */
export async function rescue(runs: Pick<RunStore, 'advance'>, claim: Claim, clock: Clock): Promise<Run> {
  const { run } = claim;
  if (!claim.abandoned || run.phase === 'planning' || run.phase === 'done') return run;
  if (run.phase === 'restoring' && run.stop !== null) return run;
  const why = `nobody drove the run any more in phase "${run.phase}"; the run is put back and not resumed`;
  return runs.advance(claim.fence, run.version, { to: nextPhase(run.phase, 'stop'), stop: { reason: 'lease-lost', why, at: clock.now() } });
}

import type { Run, StopReason } from '@haldane/core';
import { hasCode, messageOf } from '@haldane/core';
import type { DriveDeps } from './drive-deps.ts';
import { isBeforeRestoring } from './machine.ts';
import type { Stage, StageOutcome } from './stage.ts';
import { unless } from './unless.ts';

/** Aborts a stage of this phase: with the lease, and before restoring also with the wish that the run stop. One for all calls of a stage. */
export function stageSignal(run: Run, asked: AbortSignal, { hold }: DriveDeps): AbortSignal {
  return isBeforeRestoring(run.phase) ? AbortSignal.any([hold.lost, asked]) : hold.lost;
}

/**
 * One call of one stage. An abort that was asked for, before or meanwhile (`asked`), and whatever the stage throws, become stops.
 * Throws only when the lease is lost.
 */
export async function callStage<C>(
  run: Run,
  stage: Stage<C>,
  context: C,
  { asked, signal }: { readonly asked: AbortSignal; readonly signal: AbortSignal },
  deps: DriveDeps,
): Promise<StageOutcome> {
  const { clock, hold } = deps;
  const stopFor = (reason: StopReason, why: string): StageOutcome => ({ stop: { reason, why, at: clock.now() } });
  const stoppable = isBeforeRestoring(run.phase);
  if (stoppable && run.abortAsked !== null) return stopFor(run.abortReason ?? 'operator', run.abortAsked);

  try {
    return await unless(hold.lost, stage(run, context, signal));
  } catch (error) {
    if (hold.lost.aborted) throw hold.lost.reason;
    if (hasCode(error, 'lease-lost')) throw error;
    if (stoppable && asked.aborted) {
      const wish = asked.reason as Error;
      return stopFor(wish.cause as StopReason, wish.message);
    }
    return stopFor(run.phase === 'planning' && hasCode(error, 'refused') ? 'refused' : 'error', messageOf(error));
  }
}

import type { Run, StopReason } from '@haldane/core';
import { hasCode, messageOf } from '@haldane/core';
import type { DriveDeps } from './drive-deps.ts';
import { isBeforeRestoring } from './machine.ts';
import type { Stage, StageOutcome } from './stage.ts';

/**
 * One call of one stage. An abort that was asked for, before or meanwhile (`asked`), and whatever the stage throws, become stops.
 * Throws only when the lease is lost.
 */
export async function callStage<C>(run: Run, stage: Stage<C>, context: C, asked: AbortSignal, deps: DriveDeps): Promise<StageOutcome> {
  const { clock, hold } = deps;
  const stopFor = (reason: StopReason, why: string): StageOutcome => ({ stop: { reason, why, at: clock.now() } });
  const stoppable = isBeforeRestoring(run.phase);
  if (stoppable && run.abortAsked !== null) return stopFor(run.abortReason ?? 'operator', run.abortAsked);

  const over = new AbortController();
  try {
    return await Promise.race([
      stage(run, context, stoppable ? AbortSignal.any([hold.lost, asked]) : hold.lost),
      rejection(hold.lost, over.signal),
    ]);
  } catch (error) {
    if (hold.lost.aborted) throw hold.lost.reason;
    if (hasCode(error, 'lease-lost')) throw error;
    if (stoppable && asked.aborted) {
      const wish = asked.reason as Error;
      return stopFor(wish.cause as StopReason, wish.message);
    }
    return stopFor(run.phase === 'planning' && hasCode(error, 'refused') ? 'refused' : 'error', messageOf(error));
  } finally {
    over.abort('over');
  }
}

/** Rejects when the lease is lost, so that a stage that does not heed its signal is not waited for. */
function rejection(lost: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (lost.aborted) return reject(lost.reason as Error);
    lost.addEventListener('abort', () => reject(lost.reason as Error), { once: true, signal: over });
  });
}

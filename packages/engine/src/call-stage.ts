import type { Run, StopReason } from '@haldane/core';
import { hasCode, messageOf } from '@haldane/core';
import type { DriveDeps } from './drive-deps.ts';
import { isBeforeRestoring } from './machine.ts';
import type { Stage, StageOutcome } from './stage.ts';

/**
 * One call of one stage. An abort that was asked for, before or meanwhile, and whatever the stage throws, become stops.
 * Throws only when the lease is lost.
 */
export async function callStage<C>(run: Run, stage: Stage<C>, context: C, deps: DriveDeps): Promise<StageOutcome> {
  const { clock, hold } = deps;
  const stopFor = (reason: StopReason, why: string): StageOutcome => ({ stop: { reason, why, at: clock.now() } });
  const stoppable = isBeforeRestoring(run.phase);
  if (stoppable && run.abortAsked !== null) return stopFor(run.abortReason ?? 'operator', run.abortAsked);

  const asked = new AbortController();
  const over = new AbortController();
  if (stoppable) void watchForAbort(run.id, asked, over.signal, deps);
  try {
    return await Promise.race([stage(run, context, AbortSignal.any([hold.lost, asked.signal])), rejection(hold.lost, over.signal)]);
  } catch (error) {
    if (hold.lost.aborted) throw hold.lost.reason;
    if (hasCode(error, 'lease-lost')) throw error;
    if (asked.signal.aborted) {
      const wish = asked.signal.reason as Error;
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

async function watchForAbort(
  runId: string,
  asked: AbortController,
  over: AbortSignal,
  { runs, clock, abortPollMs = 500 }: DriveDeps,
): Promise<void> {
  while (!over.aborted) {
    try {
      await clock.sleep(abortPollMs, over);
      const run = await runs.get(runId);
      const why = run?.abortAsked ?? null;
      if (why !== null) return asked.abort(new Error(why, { cause: run?.abortReason ?? 'operator' }));
    } catch {
      // Over, or the store is away for a moment: it is asked again, and between stages in any case.
    }
  }
}

import type { StageView } from '@haldane/client';
import { isBack, type Run } from '@haldane/core';

/** A run as a pipeline's stage sees it. Pure. `status` says RUNNING until everything is put back, or it is known that something could not be. */
export function stageView(run: Run): StageView {
  const { verdict } = run.facts;
  const over = run.phase === 'done' || (run.phase === 'reporting' && isBack(run.facts) === false);
  const stopped = run.stop === null ? null : `${run.stop.reason}: ${run.stop.why}`;
  return {
    run: run.id,
    status: over ? statusOf(run) : 'RUNNING',
    progress: over
      ? (verdict?.headline ?? stopped ?? 'ended without a verdict')
      : stopped === null
        ? run.phase
        : `${run.phase} (${stopped})`,
    phase: run.phase,
    verdict: verdict?.verdict ?? null,
  };
}

/** The first that fits, in the order of the command line's exit codes. */
function statusOf({ facts, stop }: Run): StageView['status'] {
  if (isBack(facts) === false) return 'NOT_RESTORED';
  if (stop?.reason === 'refused') return 'REFUSED';
  switch (facts.verdict?.verdict) {
    case 'invalid':
      return 'INVALID';
    case 'vulnerable':
      return 'VULNERABLE';
    case 'resilient':
      return 'PASSED';
    case 'inconclusive':
    case undefined:
      return stop?.reason === 'operator' || stop?.reason === 'halted' ? 'ABORTED' : 'INCONCLUSIVE';
  }
}

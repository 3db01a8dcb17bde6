import type { ChosenProgress, ChosenStage, StageView } from '@haldane/client';
import { type HeldDeploy, isBack, type Run } from '@haldane/core';

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

/** A stage that chooses as its pipeline sees it; `run`: the one that is under way. Pure. */
export function chosenStageView(held: HeldDeploy, run: Run | null): StageView {
  const { says, over } = progressOf(held);
  if (over !== undefined) return { ...over, progress: says, phase: 'done' };
  if (held.givenUp !== null)
    return { run: run?.id ?? '', status: 'REFUSED', progress: `given up: ${held.givenUp}`, phase: run?.phase ?? 'done', verdict: null };
  const asked = held.abortAsked === null ? '' : ` (stopping: ${held.abortAsked})`;
  return {
    run: run?.id ?? '',
    status: 'RUNNING',
    progress: `${says}${run === null ? '' : `: ${stageView(run).progress}`}${asked}`,
    phase: run?.phase ?? 'planning',
    verdict: null,
  };
}

/** What a stage that chooses was asked to do. */
export function askedOf({ asked }: HeldDeploy): ChosenStage {
  return asked as ChosenStage;
}

/** How it goes; nobody may have looked at it yet. */
export function progressOf({ progress }: HeldDeploy): ChosenProgress {
  return { says: 'nobody has looked at it yet', ref: null, ...(progress as Partial<ChosenProgress>) };
}

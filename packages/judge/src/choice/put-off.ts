import type { GateEntry, JudgedRun } from '@haldane/core';
import { isAnswer } from '../gate/standing.ts';

/**
 * The revision at whose deploy an experiment was put off and that still waits for it; null when none does. The newest choice that speaks of
 * the experiment at another revision than this holds, and it is paid by an answer there or here since. Newest first, both.
 */
export function owedOf(
  experiment: string,
  revision: string,
  choices: readonly GateEntry<'choice'>[],
  runs: readonly JudgedRun[],
): string | null {
  const speaksOf = ({ run, later, stands }: GateEntry<'choice'>) =>
    run.includes(experiment) || later.includes(experiment) || stands.some((one) => one.experiment === experiment);
  const before = choices.find((one) => one.revision !== revision && speaksOf(one));
  if (before === undefined || !before.later.includes(experiment)) return null;
  const paid = runs.some(
    (run) =>
      run.experiment === experiment &&
      isAnswer(run) &&
      run.at >= before.at &&
      (run.revision === before.revision || run.revision === revision),
  );
  return paid ? null : before.revision;
}

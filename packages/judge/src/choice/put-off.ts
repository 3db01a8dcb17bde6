import type { GateEntry, JudgedRun } from '@haldane/core';
import { isAnswer } from '../gate/standing.ts';

/**
 * The revision at whose deploy an experiment was put off and that still waits for it; null when none does. The newest choice at another
 * revision that put it off counts. It is paid by an answer since: there, here, or at a revision that was chosen for in between. That a
 * choice means to run it pays nothing, or one more commit would clear the debt. Newest first, both.
 */
export function owedOf(
  experiment: string,
  revision: string,
  choices: readonly GateEntry<'choice'>[],
  runs: readonly JudgedRun[],
): string | null {
  const putOff = choices.findIndex((one) => one.revision !== revision && one.later.includes(experiment));
  const before = choices[putOff];
  if (before === undefined) return null;
  const paying = new Set([revision, ...choices.slice(0, putOff + 1).map((one) => one.revision)]);
  const paid = runs.some((run) => run.experiment === experiment && isAnswer(run) && run.at >= before.at && paying.has(run.revision));
  return paid ? null : before.revision;
}

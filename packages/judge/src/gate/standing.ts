import type { GateStanding, JudgedRun } from '@haldane/core';
import { blockE } from '../block-e.ts';

/** How an experiment stands at a revision, and the run that says so. */
export type Stood = { readonly standing: GateStanding; readonly run: JudgedRun | null };

/** What is live, and whether a pipeline said so or it is taken from runs. */
export type Live = { readonly revision: string; readonly said: boolean };

/**
 * How an experiment stands at a revision against what is live, from all its runs, newest first. What is proven stands, however often it is
 * run again until it passes; of what is not, the newest answer counts.
 */
export function standingOf(runs: readonly JudgedRun[], revision: string, live: Live | null): Stood {
  const own = runs.filter((run) => run.revision === revision);
  const vulnerable = own.filter(({ verdict }) => verdict === 'vulnerable');
  const answer = own.find(isAnswer);
  const worst = vulnerable.find(({ strength }) => strength === 'block') ?? vulnerable[0];
  if (worst !== undefined && isProven(own, vulnerable))
    return { standing: live === null ? 'live-unknown' : against(vulnerable, runs, live), run: worst };
  if (answer === undefined) return { standing: own.length === 0 ? 'untested' : 'undecided', run: own[0] ?? null };
  return { standing: answer.verdict === 'resilient' ? 'passed' : 'unproven', run: answer };
}

/**
 * Whether it may hold a deploy: one run's evidence is enough by itself; or that of all valid runs together is (the E of failures of runs on
 * fresh arms multiply); or a second run, on fresh arms, found the same door open or the same alert missing.
 */
function isProven(own: readonly JudgedRun[], vulnerable: readonly JudgedRun[]): boolean {
  if (vulnerable.some(({ strength }) => strength === 'block')) return true;
  const logE = own.filter(({ verdict }) => verdict !== 'invalid').reduce((sum, run) => sum + run.logE, 0);
  if (logE >= Math.log(blockE)) return true;
  return (['held', 'noticed'] as const).some((mark) => vulnerable.filter(({ marks }) => marks[mark] === 'no').length >= 2);
}

function against(vulnerable: readonly JudgedRun[], runs: readonly JudgedRun[], live: Live): GateStanding {
  const before = runs.find((run) => run.revision === live.revision && isAnswer(run));
  if (before === undefined) return 'live-unknown';
  if (before.verdict === 'resilient') return 'regressed';
  const letIn = vulnerable.some(({ strength, marks }) => strength === 'block' && marks.held === 'no');
  if (letIn && before.marks.held === 'yes') return 'let-in';
  // What is only taken to be live may be where the flaw came in: then it is new, and nobody's debt.
  return live.said ? 'debt' : 'live-unknown';
}

/** Whether the run says something of its revision: resilient or vulnerable. */
export function isAnswer({ verdict }: JudgedRun): boolean {
  return verdict === 'resilient' || verdict === 'vulnerable';
}

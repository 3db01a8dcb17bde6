import type { GateStanding, JudgedRun } from '@haldane/core';
import { blockE } from '../block-e.ts';

/** How an experiment stands at a revision, and the run that says so. */
export type Stood = { readonly standing: GateStanding; readonly run: JudgedRun | null };

/**
 * How an experiment stands at a revision against what is live, from all its runs, newest first. What is proven stands, however often it is
 * run again until it passes; of what is not, the newest answer counts.
 */
export function standingOf(runs: readonly JudgedRun[], revision: string, live: string | null): Stood {
  const own = runs.filter((run) => run.revision === revision);
  const vulnerable = own.filter(({ verdict }) => verdict === 'vulnerable');
  const answer = own.find(isAnswer);
  const worst = vulnerable.find(({ strength }) => strength === 'block') ?? vulnerable[0];
  if (worst !== undefined && isProven(own, vulnerable))
    return { standing: against(vulnerable, live === null ? [] : runs.filter((run) => run.revision === live)), run: worst };
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

function against(vulnerable: readonly JudgedRun[], live: readonly JudgedRun[]): GateStanding {
  const before = live.find(isAnswer);
  if (before === undefined) return 'live-unknown';
  if (before.verdict === 'resilient') return 'regressed';
  const letIn = vulnerable.some(({ strength, marks }) => strength === 'block' && marks.held === 'no');
  return letIn && before.marks.held === 'yes' ? 'let-in' : 'debt';
}

function isAnswer({ verdict }: JudgedRun): boolean {
  return verdict === 'resilient' || verdict === 'vulnerable';
}

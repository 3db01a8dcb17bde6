import { isDeepStrictEqual } from 'node:util';
import type { Verdict } from '@haldane/core';
import { judgedFactsOf, rejudge } from '@haldane/judge';
import { parseReport, type Report } from './report.ts';

export type Recomputed = {
  readonly verdict: Verdict;
  /** Whether it is the one that was stored. */
  readonly same: boolean;
  /** In words, that a judge with other rules made the stored one, so that no difference says anything of it; null when this one did, or none. */
  readonly otherJudge: string | null;
};

/** Derives the verdict again from an exported JSON report alone, and says whether it is the one that was stored. */
export function recompute(text: string): Recomputed {
  return recomputed(parseReport(text));
}

/** The same of a report that is in hand. */
export function recomputed({ run, criteria, evidence }: Report): Recomputed {
  const verdict = rejudge(criteria, evidence, judgedFactsOf(run));
  const stored = run.facts.verdict ?? null;
  const [theirs, ours] = [stored?.record.judge, verdict.record.judge];
  return {
    verdict,
    same: isDeepStrictEqual(plain(verdict), plain(stored)),
    otherJudge:
      theirs === undefined || theirs === ours
        ? null
        : `the verdict was made by judge ${theirs} and this Haldane has ${ours}: check it with a Haldane of that time`,
  };
}

/** As it looks after a trip through JSON. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

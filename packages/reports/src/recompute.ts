import { isDeepStrictEqual } from 'node:util';
import type { Verdict } from '@haldane/core';
import { judgedFactsOf, rejudge } from '@haldane/judge';
import { parseReport, type Report } from './report.ts';

/** Derives the verdict again from an exported JSON report alone, and says whether it is the one that was stored. */
export function recompute(text: string): { readonly verdict: Verdict; readonly same: boolean } {
  return recomputed(parseReport(text));
}

/** The same of a report that is in hand. */
export function recomputed({ run, criteria, evidence }: Report): { readonly verdict: Verdict; readonly same: boolean } {
  const verdict = rejudge(criteria, evidence, judgedFactsOf(run));
  return { verdict, same: isDeepStrictEqual(plain(verdict), plain(run.facts.verdict ?? null)) };
}

/** As it looks after a trip through JSON. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

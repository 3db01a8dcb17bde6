import type { Criteria, Evidence, JudgedFacts, Verdict } from '@haldane/core';
import { conclude } from './conclude.ts';
import { foldAll } from './judge.ts';

/**
 * The verdict again, from the stored evidence alone: what a run records at its end and what anyone can recompute offline. The same
 * input gives the same record, bit for bit.
 */
export function rejudge(criteria: Criteria, evidence: Evidence, facts: JudgedFacts): Verdict {
  return conclude(foldAll(criteria, evidence), criteria, evidence, facts);
}

import type { Run, Verdict } from '@haldane/core';

/**
 * What a stage may say. All but RUNNING are final; PASSED is resilient, ABORTED was asked for from outside before there was a verdict, PUT_OFF: all that
 * the deploy needs is to be run after it.
 */
export const stageStatuses = [
  'RUNNING',
  'PASSED',
  'PUT_OFF',
  'VULNERABLE',
  'INCONCLUSIVE',
  'INVALID',
  'REFUSED',
  'ABORTED',
  'NOT_RESTORED',
] as const;
export type StageStatus = (typeof stageStatuses)[number];
/** A run, or several that were chosen, as a pipeline's stage polls it: each field is there, and of the same type, on every poll. */
export type StageView = {
  /** Of several the one under way, and in the end the one that the status rests on; empty when there is none. */
  readonly run: string;
  readonly status: StageStatus;
  /** Where it is, or how it ended, in words. */
  readonly progress: string;
  readonly phase: Run['phase'];
  readonly verdict: Verdict['verdict'] | null;
};
/** What aborting a stage did. `run` is null when none of yours has that ref: one that you begin with it within a day ends at once. */
export type AbortedStageView = { readonly run: string | null };

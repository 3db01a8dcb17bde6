import type { Run, Verdict } from '@haldane/core';

/** What a stage may say. All but RUNNING are final; PASSED is resilient, ABORTED was asked for from outside before there was a verdict. */
export const stageStatuses = ['RUNNING', 'PASSED', 'VULNERABLE', 'INCONCLUSIVE', 'INVALID', 'REFUSED', 'ABORTED', 'NOT_RESTORED'] as const;
export type StageStatus = (typeof stageStatuses)[number];
/** A run as a pipeline's stage polls it: each field is there, and of the same type, on every poll. */
export type StageView = {
  readonly run: string;
  readonly status: StageStatus;
  /** Where it is, or how it ended, in words. */
  readonly progress: string;
  readonly phase: Run['phase'];
  readonly verdict: Verdict['verdict'] | null;
};
/** What aborting a stage did. `run` is null when none of yours has that ref: one that you begin with it within a day ends at once. */
export type AbortedStageView = { readonly run: string | null };

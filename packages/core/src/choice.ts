import type { ServiceRef } from './service.ts';

/** What of a service a deploy can touch. `detection`: what raises alerts. `unknown`: nobody can say, and so everything. */
export const touches = [
  'code',
  'dependencies',
  'build',
  'infrastructure',
  'permissions',
  'network',
  'routes',
  'configuration',
  'data',
  'detection',
  'unknown',
] as const;
export type Touch = (typeof touches)[number];

/** What of one kind a diff touches: how many paths, and the first few in words. */
export type Touched = { readonly touch: Touch; readonly count: number; readonly says: readonly string[] };

/** What differs between `since` and the revision that is chosen for; `touched: null` when nobody can tell. Documents and tests touch nothing. */
export type DiffSince = { readonly since: string; readonly touched: readonly Touched[] | null };

/** The newest answer (resilient or vulnerable) of an experiment: at which revision, by which run, and when that began (epoch ms). */
export type Verified = {
  readonly revision: string;
  /** What it was found by; `version` is null for runs of before. */
  readonly scenario: { readonly id: string; readonly version: number | null };
  readonly runId: string;
  readonly at: number;
  readonly verdict: 'resilient' | 'vulnerable';
};

/** An experiment that a deploy may need. */
export type Candidate = {
  readonly experiment: string;
  readonly scenario: string;
  /** The scenario's present version. */
  readonly version: number;
  /** What it must be run again for; null: for everything. */
  readonly touchedBy: readonly Touch[] | null;
  /** How long a run of it takes: as its newest took, or else as it says with a minute for launching and putting back. */
  readonly seconds: number;
  readonly verified: Verified | null;
  /** The revision that it was put off at and that still waits for it. */
  readonly owed: string | null;
};

/** An experiment and why it is run, put off, or left. `score`: what counts when not all fit. */
export type Weighed = Candidate & { readonly score: number; readonly why: string };

/** Which experiments a deploy needs: those to run, by score; those that wait until after it; and those whose evidence still stands. */
export type Choice = ServiceRef & {
  readonly revision: string;
  readonly run: readonly Weighed[];
  readonly later: readonly Weighed[];
  readonly stands: readonly Weighed[];
};

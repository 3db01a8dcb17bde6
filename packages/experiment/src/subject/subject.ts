import type { Arm, Deployment, Plan, TwinOf } from '@haldane/core';
import type { ChangeList } from './change-list.ts';

/**
 * What a run compares two of, one for each arm: clusters of the service, which take requests, or twins of something beside it, which nobody asks for
 * anything. All in which the two differ stands behind this, so that the story is one.
 */
export interface Subject {
  /** Of what the run makes twins; null: of nothing. */
  readonly twinOf: TwinOf | null;
  /** Everything that a run changes, in the order in which it is made. Pure. */
  changes(runId: string, deployment: Deployment): ChangeList;
  /** What a plan says of it. Pure. */
  risks(deployment: Deployment, requestsPerSecond: number | null, seconds: number): Risks;
  /** Why this experiment cannot be made at it, each naming what to write; empty when it can. Pure. */
  refusals(deployment: Deployment): readonly string[];
  /** Both as they stand, and whether they are equal; null while they are still being made. Throws `not-healthy` when that takes too long. */
  ready(runId: string, deployment: Deployment, waitedMs: number, signal: AbortSignal): Promise<Equal | null>;
  /** Instances that are healthy now. */
  healthy(runId: string, signal: AbortSignal): Promise<Readonly<Record<Arm, number>>>;
  /** In words, who uses what nobody may: while something stands behind a twin, its harm is somebody's. */
  usedBy(runId: string, signal: AbortSignal): Promise<readonly string[]>;
}

/** Who is at risk, what is never exceeded and who sees to that, and what the reader should know. */
export type Risks = Pick<Plan, 'atRisk' | 'caps' | 'notes'>;

/** Whether the arms are equal, in words, and what each is called by where alerts speak of it. */
export type Equal = { readonly passed: boolean; readonly seen: string; readonly names: Readonly<Record<Arm, readonly string[]>> };

/** The name of an arm's cluster, from which everybody finds it. */
export function clusterName(runId: string, arm: Arm): string {
  return `${runId}.${arm}`;
}

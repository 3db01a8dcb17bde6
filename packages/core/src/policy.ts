import type { Run } from './run.ts';
import type { Deployment, ServiceRef } from './service.ts';

/** What a policy asks before a run may begin, and again before each stage that goes further. */
export interface SafetyPolicy {
  /** Why the run may not go on now: the rule's name, what is wrong and what to do, a sentence each; empty when it may. */
  objections(asked: PolicyQuestion, signal: AbortSignal): Promise<readonly string[]>;
  /** Sets failures aside from the month's budget for this run, once however often it is asked. In words why it cannot, or null. */
  reserve(asked: PolicyQuestion): Promise<string | null>;
  /** What the run really spent; the rest of its reservation is free again. Harmless to repeat, and for a run that reserved nothing. */
  settle(runId: string, spent: number): Promise<void>;
}

/** A run as its policy looks at it. */
export type PolicyQuestion = {
  readonly run: Pick<Run, 'id' | 'service' | 'environment' | 'experiment' | 'createdAt'>;
  readonly deployment: Deployment;
  readonly scenario: { readonly id: string; readonly version: number };
};

/** A person's word that nothing runs on a service until then (epoch ms, by the store's clock). */
export type Lock = ServiceRef & { readonly why: string; readonly by: string; readonly until: number };

/** A run that has not ended. `touches`: its route, and what its service depends on by name; null before its pipeline was asked. */
export type OpenRun = ServiceRef & {
  readonly id: string;
  readonly share: number;
  readonly touches: { readonly route: string; readonly dependencies: readonly string[] } | null;
};

/** A run that ended resilient, as far as rules look at it. */
export type PassedRun = { readonly environment: string; readonly revision: string; readonly share: number; readonly at: number };

/** What rules know of other runs. All times are epoch ms by the store's clock. */
export interface PolicyFacts {
  now(): Promise<number>;
  /** Runs that have not ended, oldest first. */
  open(): Promise<readonly OpenRun[]>;
  /** What holds the service now; null when nothing does. */
  lock(service: ServiceRef): Promise<Lock | null>;
  /** Resilient runs of the service with this experiment's scenario and version, with fault, newest first. */
  passed(service: string, scenario: string, version: number): Promise<readonly PassedRun[]>;
  /** Who has approved the scenario's version for the service and environment. */
  approvals(service: ServiceRef, scenario: string, version: number): Promise<readonly string[]>;
  /** Sets `failures` aside for the run unless the month would then hold more than `perMonth`; what it holds without this run. */
  reserve(
    run: ServiceRef & { readonly id: string },
    failures: number,
    perMonth: number,
  ): Promise<{ readonly reserved: boolean; readonly held: number }>;
  settle(runId: string, spent: number): Promise<void>;
}

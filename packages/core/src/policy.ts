import type { Json } from './json.ts';
import type { Run } from './run.ts';
import type { Deployment, Neighbour, ServiceRef } from './service.ts';

/** What a policy asks before a run may begin, and again before each stage that goes further. */
export interface SafetyPolicy {
  /** Why the run may not go on now: the rule's name, what is wrong and what to do, a sentence each; empty when it may. */
  objections(asked: PolicyQuestion, signal: AbortSignal): Promise<readonly string[]>;
  /** What goes on around the run that harms it or that it could harm: it may not begin, and what was seen meanwhile counts for nothing. */
  disturbances(asked: PolicyQuestion, signal: AbortSignal): Promise<readonly string[]>;
  /** Whether people must approve it first, and have not yet. */
  unapproved(asked: PolicyQuestion): Promise<boolean>;
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

/** Something outside of Haldane that is asked whether a run may go on. In `url` and `command`, `{service}` and `{environment}` are the run's. */
export type OutsideCheck = {
  readonly name: string;
  /** Yes is an answer 2xx within 5 s, without a redirect, that holds `is` at the JSON pointer `at`, if one is given. */
  readonly http?: {
    readonly url: string;
    readonly header?: { readonly name: string; readonly valueEnv: string };
    readonly at?: string;
    readonly is?: Json;
  };
  /** Yes is an end with 0 within 10 s. It is given these variables and no others of ours. */
  readonly command?: { readonly run: readonly string[]; readonly env: readonly string[] };
  /** Yes is that no alert of these rules reached the receiver within so many seconds. */
  readonly alerts?: { readonly receiver: string; readonly rules: readonly string[]; readonly within: number };
};

/** Asks what stands outside. */
export interface Outside {
  /** Why the run may not go on by this check, in words; null when it may. Throws when there is no answer: then it may not. `now`: epoch ms. */
  ask(check: OutsideCheck, run: ServiceRef, now: number, signal: AbortSignal): Promise<string | null>;
}

/** What stands around a service. */
export interface Surroundings {
  look(deployment: Deployment, signal: AbortSignal): Promise<readonly Neighbour[]>;
}

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
  /** Runs of these services that have not ended. */
  runsOn(environment: string, services: readonly string[]): Promise<readonly { readonly id: string; readonly service: string }[]>;
  /** What holds the service now; null when nothing does. */
  lock(service: ServiceRef): Promise<Lock | null>;
  /** Resilient runs of the service with this experiment's scenario and version, with fault, newest first. */
  passed(service: string, scenario: string, version: number): Promise<readonly PassedRun[]>;
  /** Who has approved the scenario's version for the service and environment. */
  approvals(service: ServiceRef, scenario: string, version: number): Promise<readonly string[]>;
  /** Alerts that reached the receiver since then (epoch ms) while other runs went on, each counted once. */
  pages(receiver: string, since: number, besides: string): Promise<number>;
  /** Sets `failures` aside for the run unless the month would then hold more than `perMonth`; what it holds without this run. */
  reserve(
    run: ServiceRef & { readonly id: string },
    failures: number,
    perMonth: number,
  ): Promise<{ readonly reserved: boolean; readonly held: number }>;
  settle(runId: string, spent: number): Promise<void>;
}

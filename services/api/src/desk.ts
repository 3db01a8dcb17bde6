import type {
  ChosenStage,
  DefinitionView,
  DeployedView,
  NewRun,
  NewSchedule,
  ReportFormat,
  ScenarioView,
  SigningKeyView,
  SweptView,
} from '@haldane/client';
import type { DueSchedule, Evidence, HeldDeploy, Owner, Plan, Run, ServiceRef } from '@haldane/core';
import type { Store } from '@haldane/store';

/** A run, who wants it, and for how many seconds it goes on unattended. */
export type WantedRun = NewRun & { readonly by?: string; readonly unattended?: number };

/** A stage that chooses, and who begins it. */
export type WantedStage = Omit<ChosenStage, 'service' | 'environment'> & { readonly by: string };

/** Asked once a file is read, and before anything that it speaks of is touched. Throws `forbidden`. */
export type Permit = (service: ServiceRef, owner: Owner) => Promise<void>;

/**
 * What the API asks of the rest of the house. The API speaks HTTP, lets people in and writes down what they did; who reads files, plans and
 * starts processes stands behind this.
 */
export interface Desk {
  readonly store: Pick<
    Store,
    | 'runs'
    | 'onEvents'
    | 'tokens'
    | 'rights'
    | 'services'
    | 'experiments'
    | 'audit'
    | 'halt'
    | 'alerts'
    | 'schedules'
    | 'policy'
    | 'gate'
    | 'figures'
    | 'deploys'
  >;
  /** `find`: a failure rate (0..1) for which the plan says what finding it takes. */
  plan(file: string, permit: Permit, find?: number): Promise<Plan>;
  define(file: string, permit: Permit): Promise<DefinitionView>;
  create(run: WantedRun, permit: Permit): Promise<Run>;
  /** Notes a stage that chooses, once all of its files were read. */
  hold(stage: WantedStage, permit: Permit): Promise<HeldDeploy>;
  deploy(file: string, permit: Permit): Promise<DeployedView>;
  /** Throws `bad-request` for a cron expression or a zone that is none. */
  schedule(wanted: NewSchedule, permit: Permit): Promise<DueSchedule>;
  scenarios(): readonly ScenarioView[];
  sweep(end: boolean): Promise<readonly SweptView[]>;
  evidence(id: string): Promise<Evidence>;
  report(run: Run, format: ReportFormat): Promise<string>;
  /** All that the verdict rests on, as one signed file. */
  bundle(run: Run): Promise<string>;
  /** The keys that sign them, the present one first. */
  signingKeys(): readonly SigningKeyView[];
}

import type { DeployedView, NewRun, ReportFormat, ScenarioView, SweptView } from '@haldane/client';
import type { Alert, Evidence, Plan, Run, RunStore } from '@haldane/core';

/**
 * What the API asks of the rest of the house. The API speaks HTTP and lets people in; who reads files, plans and starts processes stands
 * behind this.
 */
export interface Desk {
  readonly runs: Pick<RunStore, 'get' | 'list' | 'askAbort' | 'events'>;
  /** `find`: a failure rate (0..1) for which the plan says what finding it takes. */
  plan(file: string, find?: number): Promise<Plan>;
  create(run: NewRun): Promise<Run>;
  deploy(file: string): Promise<DeployedView>;
  scenarios(): readonly ScenarioView[];
  sweep(end: boolean): Promise<readonly SweptView[]>;
  evidence(id: string): Promise<Evidence>;
  report(run: Run, format: ReportFormat): Promise<string>;
  /** Keeps alerts that arrived for a receiver. */
  receive(alerts: readonly Alert[]): Promise<void>;
  /** Resolves when the run may have new events, or after `ms`. */
  news(runId: string, ms: number): Promise<void>;
}

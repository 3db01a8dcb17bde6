import type {
  AlertSource,
  AnyChangeKind,
  Clock,
  DeploymentPipeline,
  EvidenceStore,
  Journal,
  JsonObject,
  Judge,
  MetricSource,
  Platform,
  Prober,
  Run,
  RunEvent,
  RunStore,
  SafetyPolicy,
  Scenario,
  Surroundings,
  Trace,
} from '@haldane/core';
import type { Hold } from '@haldane/engine';

/** Everything outside that one run needs, already chosen by its ids. No vendor is named here. */
export interface World {
  readonly clock: Clock;
  readonly pipeline: DeploymentPipeline;
  readonly platform: Platform;
  readonly scenario: Scenario;
  readonly metrics: MetricSource;
  /** Null when the owner did not ask whether the attack is noticed. */
  readonly alerts: AlertSource | null;
  readonly prober: Prober;
  /** What the organisation allows, asked in the plan and again before each stage that goes further; absent: all that the plan allows. */
  readonly policy?: SafetyPolicy;
  /** What stands around the service, looked at while the run goes on; absent: nothing is known of it. */
  readonly surroundings?: Surroundings;
  // biome-ignore lint/suspicious/noExplicitAny: the judge's state is its own business
  readonly judge: Judge<any>;
  readonly runs: RunStore;
  readonly journal: Journal;
  readonly evidence: EvidenceStore;
  /** Every kind of change that may stand in the journal. */
  readonly kinds: readonly AnyChangeKind[];
  /** An apply that takes longer is aborted; a rescuer waits as long beyond the lease before it puts anything back. */
  readonly applyTimeoutMs: number;
  /** Sees each change made and undone, and the fault looked for; absent: nobody does. */
  readonly trace?: Trace;
  /** Writes the report where its owner finds it; told, never asked. */
  publish(run: Run): Promise<void>;
}

/** A run in hand, as its stages see it. */
export type Hand = {
  readonly hold: Hold;
  /** Aborts when the lease is lost: then nothing more may be changed, not even put back. */
  readonly lost: AbortSignal;
  readonly tell: (type: RunEvent['type'], data: JsonObject) => Promise<void>;
};

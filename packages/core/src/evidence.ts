import type { Tally } from './answer.ts';
import type { ExperimentSpec } from './experiment.ts';
import type { Phase } from './phase.ts';
import type { Advice, Arm, ClusterRole } from './platform.ts';
import type { Accept, Feature, ProbeSecond, ProbeTally } from './probe.ts';
import type { Reading } from './reading.ts';
import type { Deployment } from './service.ts';

/** What a metric source knows of one closed second of real traffic. */
export type TrafficBlock = {
  /** Epoch second. */
  readonly at: number;
  readonly real: Readonly<Record<ClusterRole, Tally>>;
  /** Distinct keys first seen in this block, and distinct keys with their first failure in it. */
  readonly keys: Readonly<Record<Arm, number>>;
  readonly failedKeys: Readonly<Record<Arm, number>>;
  /** Keys seen in one arm after they were seen in the other. Must stay 0. */
  readonly switched: number;
  /** Calls of this arm to its dependencies, and those of them that met a fault. */
  readonly dependencyCalls: Readonly<Record<Arm, number>>;
  readonly met: Readonly<Record<Arm, number>>;
  /** Units of the error budget: failures charged over both arms so far, the cap, and the credit so far. */
  readonly budget: {
    readonly spent: number;
    readonly cap: number;
    readonly credit: number;
    /** Distinct keys that saw a failure so far, and the most that may; absent where the run has no such cap. */
    readonly users?: { readonly spent: number; readonly cap: number };
  };
  /** The cap held requests back in this block: not used for latency, and the other arm is narrowed alike in the next. */
  readonly narrowed: boolean;
  /** Latencies of real answers in milliseconds: sparse log-bins, index to count (F29, relative accuracy 1 %). */
  readonly latency: Readonly<Record<Arm, readonly (readonly [number, number])[]>>;
  /** The same answers by instance, always in the same order, where the source can tell instances apart; absent where it cannot. */
  readonly byInstance?: Readonly<Record<Arm, readonly InstanceCounts[]>>;
  /** Requests that repeated an earlier one by its idempotency key and are in no other count; absent where nobody can tell. */
  readonly retries?: Readonly<Record<Arm, number>>;
  /** Failures of an arm that production answered for: they are in `real`, and charged to no budget. Absent where there was none. */
  readonly shielded?: Readonly<Record<Arm, number>>;
  /** Answers to copies, compared with production's to the same request. Absent where there was none. */
  readonly mirrored?: Readonly<Record<Arm, Readonly<Record<Difference, number>>>>;
  /** Answers of both arms that something was taken out of while the fault was on. Absent where there was none. */
  readonly stripped?: Readonly<Partial<Record<StrippedKind, number>>>;
  /** Absent where no new one was kept. */
  readonly traces?: Readonly<Record<Arm, Exemplars>>;
};

/** How an arm's answer to a copy differs from what production said: not at all, in its status, or with the same status in its body. */
export type Difference = 'same' | 'status' | 'body';

/** What an arm's answer must not leave behind in clients and caches while a fault is on, by the word that counts it. */
export const strippedKinds = ['caching', 'transport-security', 'permanent-redirect', 'clear-site-data', 'alternative', 'policy'] as const;
export type StrippedKind = (typeof strippedKinds)[number];

/** Trace ids of real requests in an arm, a few of those that failed and of those that did not: where to look in a tracing backend. */
export type Exemplars = { readonly failed: readonly string[]; readonly well: readonly string[] };

export type InstanceCounts = { readonly requests: number; readonly failures: number };

/** A second of a run: everything the judge decides from. */
export type Block = TrafficBlock & {
  readonly phase: Phase;
  readonly legitimate: Readonly<Record<Arm, ProbeTally>>;
  readonly hostile: Readonly<Record<Arm, ProbeTally>>;
  /** Instances that were healthy at the end of the block. */
  readonly healthy: Readonly<Record<Arm, number>>;
};

/** Reads real traffic. Points are closed seconds after `after`, in order, each exactly once per reader. */
export interface MetricSource {
  readonly id: string;
  read(runId: string, after: number, signal: AbortSignal): Promise<Reading<TrafficBlock>>;
  /** It counts requests and knows nobody's key, so no cap on users can be held. Absent where users are told apart. */
  readonly isKeyless?: true;
  /**
   * How much later than with a router a second of the run may be told, and what happened in one may stand in another that is so much later;
   * absent: as early, and in its own.
   */
  lateMs?(runId: string): number;
  /** For how long it may tell nothing before that is silence; absent: for as long as `lateMs`. */
  stillMs?(runId: string): number;
  /** The second in which what happens in `second` stands at the latest; absent: as much later as it may be told. */
  standsBy?(second: number): number;
  /** It counts at a balancer that users come by, and late: where none is exposed it has nothing to tell. Absent where it tells that at once. */
  readonly isForUsers?: true;
  /**
   * What Haldane itself was answered in these seconds, which may be told more than once: for a source that cannot tell its requests from users'.
   * Absent where they are told apart.
   */
  sent?(runId: string, seconds: readonly ProbeSecond[]): void;
  /** The second that still counts, as it was heard last; null when nobody knows. Absent where closed seconds are all that there is. */
  open?(runId: string): TrafficBlock | null;
  /**
   * For a plan: who holds which caps by what is read here, how late that is, and why not. `armsPerSecond`: real requests of both arms; null
   * when unknown. `spec`: how long it is looked. Reads only. Absent where nothing is late.
   */
  advise?(
    deployment: Deployment,
    armsPerSecond: number | null,
    signal: AbortSignal,
    spec: Pick<ExperimentSpec, 'baselineSeconds' | 'watchSeconds'>,
  ): Promise<Advice>;
  /** Whoever read of the run here reads no more: nothing of it is followed any longer. Harmless when nothing was. */
  leave?(runId: string): void;
}

/**
 * A fact that was looked at once. `heartbeat` is the alert pipeline's, `placebo` that control raised no alert, `taken-over` that from then on a
 * runner watches the run which another handed over, `interference` whether something else happened around the run, `contained` that somebody
 * else had taken the fault away before Haldane did, `inbox` whether alerts can be read from then on, noted where they once could not, `counted`
 * whether the watch was told to its end, noted where from then on it was not.
 */
export type Check = {
  readonly name:
    | 'effect'
    | 'heal'
    | 'heartbeat'
    | 'placebo'
    | 'leftovers'
    | 'arms-equal'
    | 'taken-over'
    | 'interference'
    | 'contained'
    | 'inbox'
    | 'counted';
  readonly at: number;
  readonly passed: boolean;
  readonly seen: string;
};

/** An alert as it arrived. Only fields on the allow-list are kept. */
export type Alert = {
  readonly id: string;
  readonly receiver: string;
  readonly rule: string;
  readonly severity: string;
  /** Epoch ms at the receiver. */
  readonly receivedAt: number;
  readonly fields: Readonly<Record<string, string>>;
};

/** Where alerts arrive, or are asked for. */
export interface AlertSource {
  readonly id: string;
  /** It is asked no more often than `everyMs`, and may know nothing of an alert for `lateMs`. Absent: it is asked each time, and knows at once. */
  readonly pace?: { readonly everyMs: number; readonly lateMs: number };
  /** What it tells was asked for by name, in the run's own file: it is about the run also where it names neither the run nor an arm. */
  readonly asksByName?: boolean;
  /** Alerts received in the window (epoch ms, inclusive), oldest first. */
  alerts(runId: string, window: { readonly from: number; readonly to: number }, signal: AbortSignal): Promise<Reading<Alert>>;
  /** For the plan: whether it may be asked, and what is to be known of it. Absent: nothing is. */
  advise?(signal: AbortSignal): Promise<Advice>;
}

/** Something that changed places: when each phase began. */
export type PhaseMark = { readonly phase: Phase; readonly at: number };

/** Everything a verdict is made from. The verdict can be made again from this alone. */
export type Evidence = {
  readonly blocks: readonly Block[];
  readonly checks: readonly Check[];
  readonly accepts: readonly Accept[];
  readonly alerts: readonly Alert[];
  readonly features: readonly Feature[];
  readonly marks: readonly PhaseMark[];
  /** Epoch ms when the effect probe first saw the fault; null when it never did. */
  readonly effectAt: number | null;
  /** Spread of failure rates between instances, measured in the baseline; null when one cannot tell instances apart. */
  readonly instances: Readonly<Record<Arm, readonly string[]>>;
};

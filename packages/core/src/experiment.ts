import type { JsonObject } from './json.ts';
import type { Arm } from './platform.ts';
import type { ServiceRef } from './service.ts';
import type { Exposure, SlicePlan } from './slice.ts';

/** What the owner wants to see in an alert, and where. */
export type AlertExpectation = {
  /** Any of these rule names counts. */
  readonly rules: readonly string[];
  /** The receiver that must have it. */
  readonly receiver: string;
  /** From the moment the effect is there. */
  readonly withinSeconds: number;
  /** Fields that an alert must carry to be acted on. */
  readonly fields: readonly string[];
};

/** An experiment with every default written in, as a run stores it. Durations in seconds, shares as 0..1. */
export type ExperimentSpec = ServiceRef & {
  readonly name: string;
  readonly about: string;
  readonly scenario: { readonly id: string; readonly params: JsonObject };
  /** False: a rehearsal of the whole run that makes no harmful change. */
  readonly fault: boolean;
  readonly platform: string;
  readonly pipeline: string;
  readonly metrics: string;
  /** Where the service is described, for the pipeline: a path on the runner's own disk. */
  readonly manifest: string;
  /** Share of the route's traffic that each arm gets. */
  readonly share: number;
  readonly exposure: Exposure;
  /** How the users of the share are treated, and the smaller shares that come first; absent (runs of before): plainly, and none. */
  readonly slice?: SlicePlan;
  /** Requests a second that the route usually carries, as declared; the plan measures instead when it can. */
  readonly expectedRate: number | null;
  /** Of the experiment; control has `controlTimes` as many. */
  readonly instances: number;
  /** How many times the experiment's users, and instances for them, control gets (1 to 4); absent: 1. */
  readonly controlTimes?: number;
  readonly baselineSeconds: number;
  readonly watchSeconds: number;
  readonly probes: {
    /** Synthetic requests a second and arm. */
    readonly legitimateRate: number;
    readonly hostileRate: number;
    /** Clean hostile answers before real users come back (59: below 5 % at 95 %). */
    readonly cleanAnswers: number;
  };
  readonly budget: { readonly failures: number; readonly users?: number; readonly latencyLimitMs: number };
  readonly tolerance: {
    readonly odds: number;
    readonly points: number;
    /** How many times as long answers may take; absent (runs of before): 1.5. */
    readonly latency?: number;
  };
  /** Failures per request that the service has anyway, as its owner declares, for the plan's arithmetic; absent: none. */
  readonly background?: number;
  /** Over the whole run, all metrics together. */
  readonly alpha: number;
  /** Requests of the experiment that must have met the fault. */
  readonly contact: number;
  /** Null: nobody asked to know whether it was noticed. */
  readonly noticed: {
    readonly source: string;
    readonly expect: AlertExpectation;
    /** The rule whose alert is the heartbeat; absent: any with "heartbeat" in its name. */
    readonly heartbeatRule?: string;
    readonly heartbeatWithinSeconds: number;
  } | null;
};

/** How many times the experiment's users and instances this arm gets. */
export function timesOf({ controlTimes = 1 }: Pick<ExperimentSpec, 'controlTimes'>, arm: Arm): number {
  return arm === 'control' ? controlTimes : 1;
}

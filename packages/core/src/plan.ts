import type { Change } from './change.ts';
import type { TimeConstant } from './scenario.ts';

/** What would happen, decided before anything is touched. A dry run is printing it. */
export type Plan = {
  /** What was interrogated and what it said, a line each. */
  readonly interrogated: readonly { readonly what: string; readonly said: string }[];
  /** In the order in which they would be made. */
  readonly changes: readonly Change[];
  /** Whose requests are at risk: a stream or group, how many, over how long. */
  readonly atRisk: readonly { readonly who: string; readonly requests: number | null; readonly why: string }[];
  readonly caps: readonly { readonly name: string; readonly limit: string; readonly enforcedBy: string }[];
  /** Expected real requests a second on the route, as measured before or declared; null when unknown. */
  readonly requestsPerSecond: number | null;
  /** Effects on users' failures: the chance that this watch finds it (null: an example), and how long it takes to show, on average. */
  readonly power: readonly { readonly effect: string; readonly power: number | null; readonly expectedSeconds: number | null }[];
  /** The chance that a sound service, failing as much as it is said to anyway, spends the budget; absent when nothing is known. */
  readonly budget?: {
    readonly chance: number;
    readonly limit: number;
    /** Failures that a request of a sound service is taken to have. */
    readonly background: number;
    /** The smallest budget whose chance is within the limit. */
    readonly smallestSensible: number;
  };
  /** What finding a wanted failure rate takes, when that was asked. */
  readonly find?: {
    readonly rate: number;
    readonly power: number;
    /** Real requests in each arm; null when no number of them shows it. */
    readonly requests: number | null;
    /** Share of the route for an arm, and the watch that it then takes in seconds; null when the traffic is unknown. */
    readonly choices: readonly { readonly share: number; readonly seconds: number | null }[];
  };
  readonly timeConstants: readonly TimeConstant[];
  /** Of the scenario that was planned; absent in plans of before. */
  readonly scenarioVersion?: number;
  /** Things the reader should know (an address learned at run time is not proxied, ...). */
  readonly notes: readonly string[];
  /** Why the run is refused; empty when it is not. */
  readonly refusals: readonly string[];
  readonly seconds: { readonly least: number; readonly most: number };
};

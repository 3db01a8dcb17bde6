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
  readonly timeConstants: readonly TimeConstant[];
  /** Things the reader should know (an address learned at run time is not proxied, ...). */
  readonly notes: readonly string[];
  /** Why the run is refused; empty when it is not. */
  readonly refusals: readonly string[];
  readonly seconds: { readonly least: number; readonly most: number };
};

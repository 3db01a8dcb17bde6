export type Exposure = 'synthetic' | 'reads' | 'all';

/** The limits that the router enforces by itself. See law 4. */
export type BudgetCaps = {
  /** The most failures of real users, over both arms and the whole run. */
  readonly failures: number;
  /** The most distinct users, as far as their keys tell them apart, who may see a failure; absent: as many as there are failures. */
  readonly users?: number;
  /** A request slower than this is a failure. */
  readonly latencyLimitMs: number;
  /** Admitted beyond the cap for every admitted request: the baseline's upper bound on the background failure rate. */
  readonly creditRate: number;
};

/**
 * What an arm does for the users of a slice. `route`: it answers them. `shield`: it answers them, and production answers for it when it
 * fails. `mirror`: production answers them, and the arm gets a copy whose answer is compared and dropped.
 */
export const sliceModes = ['route', 'shield', 'mirror'] as const;
export type SliceMode = (typeof sliceModes)[number];

/**
 * How a route pattern is written, as a regular expression: a path in which `*` stands for one segment and `/**` at the end for whatever
 * follows, with a method before it or for every method.
 */
export const routePatternSyntax =
  "^(?:(?:GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) )?/(?:(?:\\*|[A-Za-z0-9._~!$&'()+,=:@-]+)/)*(?:\\*\\*|\\*|[A-Za-z0-9._~!$&'()+,=:@-]*)$";

/** What tells one user from another: the router's own cookie, or something that every request of theirs brings. */
export type StickyKey =
  | { readonly from: 'cookie' }
  | { readonly from: 'header'; readonly name: string }
  | { readonly from: 'claim'; readonly name: string }
  | { readonly from: 'address' };

/** Who never enters an arm, whatever the draw says. */
export type NeverList = {
  /** SHA-256 (hex) of sticky keys: a run stores nobody's name. */
  readonly keys: readonly string[];
  /** Route patterns. */
  readonly routes: readonly string[];
  /** Any of these values of a header; none listed: the header's presence. */
  readonly headers: readonly { readonly name: string; readonly values: readonly string[] }[];
};

/** How a slice treats the requests that its share and exposure offer it. */
export type SliceRules = {
  readonly mode: SliceMode;
  /** Route patterns (`GET /orders/*`, `/public/**`): only these enter an arm. Empty: every route (mirror: none). */
  readonly routes: readonly string[];
  readonly key: StickyKey;
  readonly never: NeverList;
  /** The most requests a second that enter each arm, and a tenth of it for one user; absent: as many as the share brings. */
  readonly perSecond?: number;
};

/** The rules of a slice that names none. */
export const plainRules: SliceRules = {
  mode: 'route',
  routes: [],
  key: { from: 'cookie' },
  never: { keys: [], routes: [], headers: [] },
};

/** A share of a route's real users for each arm, sticky per user. */
export type Slice = {
  /** Tells two slices of one run apart. */
  readonly name: string;
  /** Of the route's users, for each arm (0..0.5). */
  readonly share: number;
  readonly exposure: Exposure;
  readonly caps: BudgetCaps;
  /** Absent: `plainRules`. */
  readonly rules?: SliceRules;
};

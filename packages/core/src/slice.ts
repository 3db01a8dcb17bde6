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

/**
 * The methods of real requests that may enter an arm; null: every method. A shield takes only what may be asked twice (RFC 9110, 9.2.2), a
 * mirror only what asks for no change (9.2.1).
 */
export function methodsOf(exposure: Exposure, mode: SliceMode): readonly string[] | null {
  if (exposure === 'synthetic') return [];
  if (exposure === 'reads' || mode === 'mirror') return ['GET', 'HEAD'];
  return mode === 'shield' ? ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'] : null;
}

/** Whose requests may enter an arm, in words: `GET and HEAD requests to /orders/* of users known by the router's cookie`. */
export function coverageWords(exposure: Exposure, { mode, routes, key, never, perSecond }: SliceRules): string {
  const methods = methodsOf(exposure, mode);
  if (methods?.length === 0) return 'no real user';
  const which = methods === null ? 'requests' : `${list(methods)} requests`;
  const barred = [
    ...(never.keys.length > 0 ? [`${never.keys.length} named user${never.keys.length === 1 ? '' : 's'}`] : []),
    ...never.routes,
    ...never.headers.map(({ name, values }) => (values.length === 0 ? `header ${name}` : `header ${name}: ${values.join(' or ')}`)),
  ];
  return [
    which,
    ...(routes.length > 0 ? [`to ${list(routes)}`] : []),
    `of users known by ${keyWords(key)}`,
    ...(barred.length > 0 ? [`but never ${list(barred)}`] : []),
    ...(perSecond === undefined ? [] : [`at most ${perSecond} a second in each arm, a tenth of it for one user`]),
  ]
    .join(', ')
    .replace(', to ', ' to ')
    .replace(', of users', ' of users');
}

function keyWords(key: StickyKey): string {
  switch (key.from) {
    case 'cookie':
      return "the router's cookie";
    case 'address':
      return 'their address';
    case 'header':
      return `the header ${key.name}`;
    case 'claim':
      return `the claim ${key.name} of their token`;
  }
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** A smaller share that the watch goes through first. */
export type RampStage = {
  readonly share: number;
  /** Real requests that each arm must have answered in it. */
  readonly requests: number;
  /** How long it lasts at least. */
  readonly seconds: number;
};

/** How an experiment treats the users of its share, and the smaller shares that come first. */
export type SlicePlan = SliceRules & { readonly ramp: readonly RampStage[] };

/** What an experiment plans that says nothing of it. */
export const plainSlice: SlicePlan = { ...plainRules, ramp: [] };

/** A share of a route's real users for each arm, sticky per user. */
export type Slice = {
  /** Tells two slices of one run apart. */
  readonly name: string;
  /** Of the route's users, for each arm (0..0.5). */
  readonly share: number;
  /** Control gets so many times the share (1 to 4); absent: 1. Together they are at most the whole route. */
  readonly controlTimes?: number;
  readonly exposure: Exposure;
  readonly caps: BudgetCaps;
  /** Absent: `plainRules`. */
  readonly rules?: SliceRules;
  /** The run's fault is on while this slice is: what an arm answers must leave nothing behind in clients and caches. */
  readonly underFault?: boolean;
};

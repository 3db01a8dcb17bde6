export type Exposure = 'synthetic' | 'reads' | 'all';

/** The limits that the router enforces by itself. See law 4. */
export type BudgetCaps = {
  /** The most failures of real users, over both arms and the whole run. */
  readonly failures: number;
  /** A request slower than this is a failure. */
  readonly latencyLimitMs: number;
  /** Admitted beyond the cap for every admitted request: the baseline's upper bound on the background failure rate. */
  readonly creditRate: number;
};

/** A share of a route's real users for each arm, sticky per user. */
export type Slice = {
  /** Tells two slices of one run apart. */
  readonly name: string;
  /** Of the route's users, for each arm (0..0.5). */
  readonly share: number;
  readonly exposure: Exposure;
  readonly caps: BudgetCaps;
};

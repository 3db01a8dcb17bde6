import type { AnyChangeKind, Clock, Journal, RunStore } from '@haldane/core';
import type { HeldLease } from './lease.ts';

/** What `drive` moves a run with. */
export type DriveDeps = {
  readonly runs: Pick<RunStore, 'get' | 'advance' | 'tell'>;
  readonly journal: Journal;
  readonly kinds: readonly AnyChangeKind[];
  readonly clock: Clock;
  readonly hold: Pick<HeldLease, 'fence' | 'leaseLeft' | 'lost'>;
  /** The runner shuts down: the run is left between two stages, for another to go on. Never while it restores. */
  readonly handOver?: AbortSignal;
  /** How often an abort is looked for while a stage is at work. */
  readonly abortPollMs?: number;
  /** How long a store that does not answer is asked again before the run is left to run out. */
  readonly storePatienceMs?: number;
  /** For what is still stuck when everything else of the run is over: how it is tried again, and how often. */
  readonly lingering?: { readonly deadlineMs: number; readonly settleMs: number; readonly everyMs: number };
};

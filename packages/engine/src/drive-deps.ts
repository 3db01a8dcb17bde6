import type { AnyChangeKind, Clock, Journal, RunStore, Trace } from '@haldane/core';
import type { AbortWatch } from './abort-watch.ts';
import type { HeldLease } from './lease.ts';

/** What `drive` moves a run with. */
export type DriveDeps = {
  readonly runs: Pick<RunStore, 'get' | 'advance' | 'tell' | 'askedToStop'>;
  readonly journal: Journal;
  readonly kinds: readonly AnyChangeKind[];
  readonly clock: Clock;
  readonly hold: Pick<HeldLease, 'fence' | 'leaseLeft' | 'lost'>;
  /** The runner shuts down: the run is left between two stages, for another to go on. Never while it restores. */
  readonly handOver?: AbortSignal;
  /** Looks for aborts, for this run and others; one of the run's own when it is not given. */
  readonly aborts?: AbortWatch;
  /** Sees each phase, and what of it is put back late. */
  readonly trace?: Trace;
  /** How long a store that does not answer is asked again before the run is left to run out. */
  readonly storePatienceMs?: number;
  /** For what is still stuck when everything else of the run is over: how it is tried again, and how often. */
  readonly lingering?: { readonly deadlineMs: number; readonly settleMs: number; readonly everyMs: number };
};

import type { InstanceLease } from './order.ts';

/**
 * A lease held against two clocks: it ends when the wall clock says so, or when as much time has passed on the
 * monotonic clock as was left when it was last renewed, whichever is earlier. So neither a wall clock that is set back
 * nor a machine that slept can prolong it.
 */
export class Lease {
  #until: number | null;
  #bound: number | null;
  readonly #wall: () => number;
  readonly #monotonic: () => number;

  constructor(until: number | null, wall: () => number, monotonic: () => number) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#until = until;
    this.#bound = this.#boundFor(until);
  }

  /** Takes what the lease file says now. Reading the same end again renews nothing. */
  take(lease: InstanceLease): void {
    if (lease.until === this.#until) return;
    this.#until = lease.until;
    this.#bound = this.#boundFor(lease.until);
  }

  hasEnded(): boolean {
    if (this.#until === null || this.#bound === null) return false;
    return this.#wall() >= this.#until || this.#monotonic() >= this.#bound;
  }

  #boundFor(until: number | null): number | null {
    return until === null ? null : this.#monotonic() + (until - this.#wall());
  }
}

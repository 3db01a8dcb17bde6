import type { BudgetCaps } from '@haldane/core';

/**
 * The exact error budget of one run, over both arms and all its slices (law 4). A request is admitted only while
 * failed + in flight + 1 <= cap + floor(creditRate * admitted), so even if all that is in flight fails, the cap holds.
 */
export class Budget {
  #caps: BudgetCaps = { failures: 0, latencyLimitMs: 5000, creditRate: 0 };
  #failed = 0;
  #inFlight = 0;
  #admitted = 0;

  /** New limits for what is admitted from now on; what was spent stays spent. */
  limit(caps: BudgetCaps): void {
    this.#caps = caps;
  }
  /** Reserves a unit, or says no. Each yes is answered by exactly one `release` or `charge`. */
  admit(): boolean {
    if (this.#failed + this.#inFlight + 1 > this.cap + this.credit) return false;
    this.#inFlight += 1;
    this.#admitted += 1;
    return true;
  }
  /** The last byte of a success was sent: the unit comes back. */
  release(): void {
    this.#inFlight -= 1;
  }
  /** It failed: the unit is spent. */
  charge(): void {
    this.#inFlight -= 1;
    this.#failed += 1;
  }
  get spent(): number {
    return this.#failed;
  }
  get inFlight(): number {
    return this.#inFlight;
  }
  get cap(): number {
    return this.#caps.failures;
  }
  get credit(): number {
    return Math.floor(this.#caps.creditRate * this.#admitted);
  }
}

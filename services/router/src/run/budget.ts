import type { BudgetCaps } from '@haldane/core';
import type { BudgetHeld, BudgetOrder, BudgetUnits } from '@haldane/dataplane';

/**
 * The exact error budget of one run at this router, over both arms and all its slices (law 4). A request is admitted only while
 * failed + in flight + 1 <= cap + floor(creditRate * admitted), so even if all that is in flight fails, the cap holds. Beside it, where
 * users are capped: keys that saw a failure + other keys in flight (this one among them) <= users.
 *
 * Of several routers on one route each spends its part of the cap, which only rises by an order. A lowered part is never below what is
 * spent and in flight, so whatever this router answers that it gave back, it can no longer use. The credit is a rate of what each router
 * admitted and needs no sharing: the whole units of the parts never sum to more than the whole units of the sum.
 */
export class Budget {
  #caps: BudgetCaps = { failures: 0, latencyLimitMs: 5000, creditRate: 0 };
  /** Null: this router stands alone, and its part is the whole. */
  #part: BudgetUnits | null = null;
  #turn = 0;
  #failed = 0;
  #inFlight = 0;
  #admitted = 0;
  #turnedAway = 0;
  readonly #hurt = new Set<string>();
  /** How many requests of a key are in flight, of keys that saw no failure yet. */
  readonly #wellInFlight = new Map<string, number>();
  readonly #lost: boolean;

  /** `lost`: an earlier life of this router spent of this budget. How much is not known, so all of it counts as spent. */
  constructor(lost = false) {
    this.#lost = lost;
    if (lost) this.#part = { failures: 0, users: 0 };
  }

  /** New limits for what is admitted from now on; what was spent stays spent. `leased`: only by order is there anything to spend. */
  limit(caps: BudgetCaps, leased = false): void {
    this.#caps = caps;
    if (leased) this.#part ??= { failures: 0, users: 0 };
  }
  order({ turn, part }: BudgetOrder): void {
    if (turn <= this.#turn) return;
    this.#turn = turn;
    const now = this.#whole();
    const lowered = (to: number, from: number, used: number) => Math.max(to, Math.min(from, used));
    this.#part = {
      failures: lowered(part.failures, now.failures, Math.max(0, this.#failed + this.#inFlight - this.credit)),
      users: part.users === null ? null : lowered(part.users, now.users ?? 0, this.#usersAtRisk),
    };
  }
  /** Reserves a unit for a request of this key, or says no. Each yes is answered by exactly one `release` or `charge`. */
  admit(key: string): boolean {
    const { failures, users } = this.#whole();
    const limited = this.#caps.users !== undefined;
    const joins = !this.#hurt.has(key) && !this.#wellInFlight.has(key);
    if (this.#failed + this.#inFlight + 1 > failures + this.credit || (limited && joins && this.#usersAtRisk + 1 > (users ?? 0))) {
      this.#turnedAway += 1;
      return false;
    }
    this.#inFlight += 1;
    this.#admitted += 1;
    if (!this.#hurt.has(key)) this.#wellInFlight.set(key, (this.#wellInFlight.get(key) ?? 0) + 1);
    return true;
  }
  /** The last byte of a success was sent: the unit comes back. */
  release(key: string): void {
    this.#inFlight -= 1;
    const others = (this.#wellInFlight.get(key) ?? 1) - 1;
    if (others > 0) this.#wellInFlight.set(key, others);
    else this.#wellInFlight.delete(key);
  }
  /** It failed: the unit is spent. */
  charge(key: string): void {
    this.#inFlight -= 1;
    this.#failed += 1;
    this.#wellInFlight.delete(key);
    this.#hurt.add(key);
  }
  /** What an earlier life spent included. */
  get spent(): number {
    return this.#failed + (this.#lost ? this.#caps.failures : 0);
  }
  /** Distinct keys that saw a failure. */
  get hurt(): number {
    return this.#hurt.size + (this.#lost ? (this.#caps.users ?? 0) : 0);
  }
  get inFlight(): number {
    return this.#inFlight;
  }
  get cap(): number {
    return this.#caps.failures;
  }
  get users(): number | null {
    return this.#caps.users ?? null;
  }
  get credit(): number {
    return Math.floor(this.#caps.creditRate * this.#admitted);
  }
  /** Whether others spend of the same caps. */
  get isLeased(): boolean {
    return this.#part !== null;
  }
  held(life: string): BudgetHeld {
    const part = this.#whole();
    return {
      turn: this.#turn,
      life,
      lost: this.#lost,
      part,
      idle: {
        failures: Math.min(part.failures, Math.max(0, part.failures + this.credit - this.#failed - this.#inFlight)),
        users: part.users === null ? null : Math.max(0, part.users - this.#usersAtRisk),
      },
      asked: this.#admitted + this.#turnedAway,
      turnedAway: this.#turnedAway,
    };
  }

  get #usersAtRisk(): number {
    return this.#hurt.size + this.#wellInFlight.size;
  }
  /** What may be spent here in all. */
  #whole(): BudgetUnits {
    return this.#part ?? { failures: this.#caps.failures, users: this.#caps.users ?? null };
  }
}

/** So many at once, and so many a second for ever. */
export type Rate = { readonly burst: number; readonly perSecond: number };

/** Callers remembered at most; past it those that have been quiet longest are forgotten, which only does them good. */
const most = 10_000;

/** A bucket for each caller, that empties with each request and fills with time. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { left: number; at: number }>();
  constructor(rate: Rate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes one. Returns 0, or the seconds to wait when there was none. */
  take(caller: string): number {
    const { burst, perSecond } = this.#rate;
    const at = this.#now();
    const bucket = this.#buckets.get(caller) ?? { left: burst, at };
    const left = Math.min(burst, bucket.left + (Math.max(0, at - bucket.at) / 1000) * perSecond);
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { left: left >= 1 ? left - 1 : left, at });
    if (this.#buckets.size > most) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return left >= 1 ? 0 : Math.ceil((1 - left) / perSecond);
  }
}

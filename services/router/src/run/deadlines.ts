/** Who begins within this long of each other shares a timer. */
const togetherMs = 10;

export interface Late {
  /** Its limit has passed. */
  late(): void;
}
type Batch = { readonly began: number; readonly waiting: Set<Late> };

/**
 * Tells requests that their limit has passed: never early, and at most 10 ms late, so whoever ends in between has to look for himself.
 * A timer for each would cost more than placing it does; here they are a hundred a second for each limit at most.
 */
export class Deadlines {
  /** The batch that still takes requests, by limit; limits come from slices. */
  readonly #batches = new Map<number, Batch>();

  /** Whoever leaves the set before its limit has passed hears nothing. */
  wait(limitMs: number, who: Late): Set<Late> {
    const now = performance.now();
    const young = this.#batches.get(limitMs);
    const batch = young !== undefined && now - young.began < togetherMs ? young : this.#begin(limitMs, now);
    return batch.waiting.add(who);
  }

  #begin(limitMs: number, began: number): Batch {
    const batch: Batch = { began, waiting: new Set() };
    this.#batches.set(limitMs, batch);
    const over = began + togetherMs + limitMs;
    const ring = () => {
      const early = over - performance.now();
      // A timer counts from when its turn of the event loop began, which may be a while ago.
      if (early > 0) return void setTimeout(ring, Math.ceil(early)).unref();
      if (this.#batches.get(limitMs) === batch) this.#batches.delete(limitMs);
      for (const who of batch.waiting) who.late();
      batch.waiting.clear();
    };
    setTimeout(ring, limitMs + togetherMs).unref();
    return batch;
  }
}

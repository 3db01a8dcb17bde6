const logGamma = Math.log(1.01 / 0.99);

/** Latencies in log-bins of 1 % relative accuracy (F29): bin i holds (gamma^(i-1), gamma^i] ms, gamma = 1.01 / 0.99. Sparse. */
export class LatencyBins {
  readonly #counts = new Map<number, number>();
  add(ms: number): void {
    const index = Math.ceil(Math.log(Math.max(ms, 0.001)) / logGamma);
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + 1);
  }
  /** Index to count, by index. */
  encode(): readonly (readonly [number, number])[] {
    return [...this.#counts].sort(([a], [b]) => a - b);
  }
}

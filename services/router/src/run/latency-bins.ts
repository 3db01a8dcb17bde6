import { binIndex } from '@haldane/statistics';

/** What lies outside one microsecond to one minute counts into the bin at the end, as readers of the bins expect. */
const least = 0.001;
const most = 60_000;

/** Latencies in the log-bins of 1 % relative accuracy that the statistics read (F29), kept sparse: a second fills few of them. */
export class LatencyBins {
  readonly #counts = new Map<number, number>();
  add(ms: number): void {
    const index = binIndex(Math.min(Math.max(ms, least), most));
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + 1);
  }
  /** Index to count, by index. */
  encode(): Encoded {
    return [...this.#counts].sort(([a], [b]) => a - b);
  }
}

type Encoded = readonly (readonly [number, number])[];

/** The same as one flat array, for a second that is kept: pairs of their own take ten times the memory. */
export function packed(bins: Encoded): Int32Array {
  return Int32Array.from(bins.flat());
}

export function unpacked(bins: Int32Array): Encoded {
  return Array.from({ length: bins.length / 2 }, (_, n) => [bins[2 * n] ?? 0, bins[2 * n + 1] ?? 0] as const);
}

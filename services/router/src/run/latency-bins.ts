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
  encode(): readonly (readonly [number, number])[] {
    return [...this.#counts].sort(([a], [b]) => a - b);
  }
}

import { binGrowth, binIndex, binValue, relativeAccuracy } from './log-bins.ts';

/** Milliseconds: from one microsecond to one minute; what lies outside counts into the bin at the end. */
const lowest = binIndex(0.001);
const highest = binIndex(60_000);
const scale = 1 / Math.log(binGrowth(relativeAccuracy));

/** Sparse bins as data: [index, count], index rising. */
export type SparseBins = readonly (readonly [number, number])[];

/** Latencies in milliseconds in 1 % log-bins (F29): 7 KB whatever is recorded, mergeable by addition. Changed in place. */
export type Histogram = { readonly counts: Float64Array; total: number };

export function createHistogram(): Histogram {
  return { counts: new Float64Array(highest - lowest + 1), total: 0 };
}

/** Counts one latency in milliseconds (at least 0; zero goes into the lowest bin). */
export function recordLatency(histogram: Histogram, ms: number): void {
  if (!(ms >= 0)) throw new RangeError(`ms is ${ms}; give a latency in milliseconds, at least 0`);
  let index = ms <= 0.001 ? lowest : Math.ceil(Math.log(ms) * scale);
  if (index > highest) index = highest;
  const at = index - lowest;
  histogram.counts[at] = (histogram.counts[at] as number) + 1;
  histogram.total += 1;
}

/** Adds `from` into `into`. */
export function mergeHistogram(into: Histogram, from: Histogram): void {
  for (let i = 0; i < into.counts.length; i++) into.counts[i] = (into.counts[i] as number) + (from.counts[i] as number);
  into.total += from.total;
}

/** The bins that hold something. */
export function encodeHistogram(histogram: Histogram): SparseBins {
  const bins: [number, number][] = [];
  histogram.counts.forEach((count, i) => {
    if (count > 0) bins.push([i + lowest, count]);
  });
  return bins;
}

/** Adds sparse bins into a histogram; throws RangeError, naming the bin, on what `encodeHistogram` cannot have written. */
export function addBins(histogram: Histogram, bins: SparseBins): void {
  for (const [index, count] of bins) {
    if (!(Number.isInteger(index) && index >= lowest && index <= highest && Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(`bin [${index}, ${count}]: give an index of ${lowest} to ${highest} and a count, a whole number of at least 0`);
    }
    const at = index - lowest;
    histogram.counts[at] = (histogram.counts[at] as number) + count;
    histogram.total += count;
  }
}

/** The inverse of `encodeHistogram`. */
export function decodeHistogram(bins: SparseBins): Histogram {
  const histogram = createHistogram();
  addBins(histogram, bins);
  return histogram;
}

/** The value at a 1-based rank, within 1 %; null when there is no such rank. */
export function valueAtRank(histogram: Histogram, rank: number): number | null {
  if (!(rank >= 1 && rank <= histogram.total)) return null;
  let seen = 0;
  for (let i = 0; i < histogram.counts.length; i++) {
    seen += histogram.counts[i] as number;
    if (seen >= rank) return binValue(i + lowest);
  }
  return null;
}

/** The q-quantile (0..1) in milliseconds, within 1 %; null when nothing was recorded. */
export function quantile(histogram: Histogram, q: number): number | null {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`q is ${q}; give a quantile from 0 to 1 (0.99)`);
  return valueAtRank(histogram, Math.max(1, Math.ceil(q * histogram.total - 1e-9)));
}

/** The upper edge of the bin that holds `ms`: thresholds placed there are counted exactly. */
export function binEdge(ms: number): number {
  return binGrowth(relativeAccuracy) ** Math.min(highest, Math.max(lowest, binIndex(Math.max(ms, 1e-9))));
}

/** How many recorded latencies lie above the bin of `ms`: exactly those above `binEdge(ms)`. */
export function countAbove(histogram: Histogram, ms: number): number {
  // An edge itself must fall into its own bin although its logarithm may round upwards.
  const from = Math.min(highest, Math.max(lowest, binIndex(Math.max(ms, 1e-9) * (1 - 1e-12)))) - lowest + 1;
  let sum = 0;
  for (let i = from; i < histogram.counts.length; i++) sum += histogram.counts[i] as number;
  return sum;
}

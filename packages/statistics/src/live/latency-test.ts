import { quantileRanks } from '../classic/quantile-interval.ts';
import { binEdge, countAbove, type Histogram, valueAtRank } from '../histogram/histogram.ts';
import { logEMean } from '../many/e-values.ts';
import type { MixtureOptions } from './mixture-test.ts';
import { beginProportionTest, type ProportionTest, stepProportionTest } from './proportion-test.ts';

/** Latency by exceedance (3.3): one proportion test a threshold, fixed before the injection. Plain JSON. */
export type LatencyTest = { readonly thresholdsMs: readonly number[]; readonly tests: readonly ProportionTest[]; readonly maxLogE: number };

/** Thresholds from the warm-up's control latencies (quantiles .5, .9, .95, .99) and, if given, the limit that users care about; placed on bin edges, so that counts above them are exact. */
export function latencyThresholds(warmUp: Histogram, limitMs?: number): number[] {
  const places = [0.5, 0.9, 0.95, 0.99].map((q) => valueAtRank(warmUp, Math.max(1, Math.ceil(q * warmUp.total))));
  const thresholds = places.filter((ms) => ms !== null).map((ms) => binEdge(ms));
  if (limitMs !== undefined) thresholds.push(binEdge(limitMs));
  return [...new Set(thresholds)].sort((a, b) => a - b);
}

/** Begins the test "no more requests are slow in the experiment than tolerated". */
export function beginLatencyTest(thresholdsMs: readonly number[], options: MixtureOptions): LatencyTest {
  if (thresholdsMs.length === 0)
    throw new RangeError('thresholdsMs is empty; give at least one threshold, from latencyThresholds of a warm-up with data');
  return { thresholdsMs, tests: thresholdsMs.map(() => beginProportionTest({ ...options, boosted: false })), maxLogE: 0 };
}

/** One closed block's latencies of both arms further. Blocks in which the cap held requests back are left out. */
export function stepLatencyTest(state: LatencyTest, experiment: Histogram, control: Histogram): LatencyTest {
  const tests = state.tests.map((test, i) => {
    const threshold = state.thresholdsMs[i] as number;
    const block = { xe: countAbove(experiment, threshold), ne: experiment.total, xc: countAbove(control, threshold), nc: control.total };
    return stepProportionTest(test, block);
  });
  const next = { ...state, tests };
  return { ...next, maxLogE: Math.max(state.maxLogE, latencyLogE(next)) };
}

/** ln of the mean E over the thresholds: an e-process. */
export function latencyLogE(state: LatencyTest): number {
  return logEMean(state.tests.map((test) => test.logE));
}

/** `high` is null when nothing bounds the quantile from above yet. */
export type QuantileInterval = { readonly low: number; readonly estimate: number; readonly high: number | null; readonly level: number };

/** The confidence sequence of one arm's latency quantile in milliseconds (F11b), widened by the histogram's 1 %; null without data. */
export function latencyInterval(histogram: Histogram, q: number, level: number, valuesOpt: number): QuantileInterval | null {
  const estimate = valueAtRank(histogram, Math.max(1, Math.ceil(q * histogram.total)));
  if (estimate === null) return null;
  const { lowerRank, upperRank } = quantileRanks(histogram.total, q, 1 - level, valuesOpt);
  const low = valueAtRank(histogram, lowerRank);
  const high = valueAtRank(histogram, upperRank);
  return { low: low === null ? 0 : low * 0.99, estimate, high: high === null ? null : high * 1.01, level };
}

/** The interval for the difference of a latency quantile, experiment minus control, from one interval an arm (each at half the error). */
export function latencyDifference(
  experiment: QuantileInterval,
  control: QuantileInterval,
): { readonly low: number | null; readonly high: number | null; readonly level: number } {
  return {
    low: control.high === null ? null : experiment.low - control.high,
    high: experiment.high === null ? null : experiment.high - control.low,
    level: 1 - (1 - experiment.level) - (1 - control.level),
  };
}

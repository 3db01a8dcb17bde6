import type { Block, Criteria } from '@haldane/core';
import {
  addBins,
  beginProportionTest,
  binIndex,
  createHistogram,
  latencyThresholds,
  logEMean,
  type ProportionTest,
  stepProportionTest,
} from '@haldane/statistics';
import type { ByArm } from './block-sums.ts';
import { beginNonInferiorityTest } from './safety.ts';

/** How many times as long answers may take where the owner did not say. */
const usualTolerance = 1.5;
/** Nobody feels that an answer came sooner than this: what is quicker counts as quick, however much it differs. */
const quickMs = 50;
const quickIndex = binIndex(quickMs);
const slowestIndex = binIndex(60_000);
/** Answers of one second hang together: one stall is not a pattern, so many seconds must have had slow answers. */
const leastSlowSeconds = 10;
/** ln of the growth of one bin of the sketches. */
const lnGamma = Math.log(1.01 / 0.99);

/** Control's latencies in the baseline: how many in each bin, the first of which holds all that is quick. */
export type WarmUp = readonly number[];

export const noWarmUp: WarmUp = Array.from({ length: slowestIndex - quickIndex + 1 }, () => 0);

export function stepWarmUp(warmUp: WarmUp, block: Block): WarmUp {
  const { control } = block.latency;
  if (block.narrowed || control.length === 0) return warmUp;
  const next = [...warmUp];
  for (const [index, count] of control) {
    const at = Math.min(slowestIndex, Math.max(quickIndex, index)) - quickIndex;
    next[at] = (next[at] as number) + count;
  }
  return next;
}

/**
 * Answers by how slow they were (exceedance, specification 3.3). Thresholds are frozen as the baseline ends. The experiment may take
 * `times` as long, so its answers are held against thresholds so much later: a shift of whole bins, hence exact.
 */
export type LatencyGuard = {
  readonly thresholds: readonly number[];
  readonly shift: number;
  readonly tests: readonly ProportionTest[];
  /** Non-inferiority at the threshold of control's slowest twentieth. */
  readonly safe: ProportionTest;
  readonly safeAt: number;
  readonly answers: ByArm<number>;
  readonly slow: readonly ByArm<number>[];
  readonly slowSeconds: number;
  /** ln of the mean E over the thresholds; never above 0 while slow answers came in few seconds only. */
  readonly logE: number;
};

/** Freezes the thresholds; null without any latency in the baseline: then nothing is guarded, and the report says so. */
export function freezeLatency(warmUp: WarmUp, criteria: Criteria, alpha: number): LatencyGuard | null {
  if (!warmUp.some((count) => count > 0)) return null;
  const { tolerance, watchSeconds, budget } = criteria.spec;
  const histogram = createHistogram();
  addBins(
    histogram,
    warmUp.flatMap((count, at) => (count > 0 ? [[at + quickIndex, count] as const] : [])),
  );
  const thresholds = latencyThresholds(histogram, budget.latencyLimitMs).map((ms) => Math.round(Math.log(ms) / lnGamma));
  const rank = Math.max(0, thresholds.length - 3);
  const onset = { first: 0.8, horizon: Math.max(1, Math.ceil(watchSeconds)) };
  return {
    thresholds,
    shift: Math.round(Math.log(tolerance.latency ?? usualTolerance) / lnGamma),
    tests: thresholds.map(() => beginProportionTest({ alpha, psi0: tolerance.odds, onset, interval: false })),
    safe: beginNonInferiorityTest(criteria),
    safeAt: rank,
    answers: { control: 0, experiment: 0 },
    slow: thresholds.map(() => ({ control: 0, experiment: 0 })),
    slowSeconds: 0,
    logE: 0,
  };
}

/** One observed block further. A second in which the cap held requests back is left out. */
export function stepLatency(guard: LatencyGuard, block: Block): LatencyGuard {
  const control = above(block.latency.control, guard.thresholds, 0);
  const experiment = above(block.latency.experiment, guard.thresholds, guard.shift);
  if (block.narrowed || control.total + experiment.total === 0) return guard;
  const counts = (i: number) => ({
    xe: experiment.slow[i] as number,
    ne: experiment.total,
    xc: control.slow[i] as number,
    nc: control.total,
  });
  const tests = guard.tests.map((test, i) => stepProportionTest(test, counts(i)));
  const slowSeconds = guard.slowSeconds + ((experiment.slow[0] as number) > 0 ? 1 : 0);
  const logE = logEMean(tests.map((test) => test.logE));
  return {
    ...guard,
    tests,
    safe: stepProportionTest(guard.safe, counts(guard.safeAt)),
    answers: { control: guard.answers.control + control.total, experiment: guard.answers.experiment + experiment.total },
    slow: guard.slow.map((sum, i) => ({
      control: sum.control + (control.slow[i] as number),
      experiment: sum.experiment + (experiment.slow[i] as number),
    })),
    slowSeconds,
    // Never above the e-process itself, so it keeps its promise.
    logE: slowSeconds >= leastSlowSeconds ? logE : Math.min(0, logE),
  };
}

/** The threshold with most evidence: its place, and its end of the quick in milliseconds for control. */
export function worstThreshold(guard: LatencyGuard): { readonly at: number; readonly ms: number; readonly times: number } {
  let at = 0;
  guard.tests.forEach((test, i) => {
    if (test.logE > (guard.tests[at] as ProportionTest).logE) at = i;
  });
  const ms = Math.exp((guard.thresholds[at] as number) * lnGamma);
  return { at, ms, times: Math.exp(guard.shift * lnGamma) };
}

/** How many answers lie above each threshold, moved up by `shift` bins. */
function above(bins: Block['latency']['control'], thresholds: readonly number[], shift: number) {
  const slow = thresholds.map(() => 0);
  let total = 0;
  for (const [index, count] of bins) {
    total += count;
    for (let i = 0; i < slow.length && index > (thresholds[i] as number) + shift; i++) slow[i] = (slow[i] as number) + count;
  }
  return { slow, total };
}

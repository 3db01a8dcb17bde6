import type { Arm, Block } from '@haldane/core';
import {
  addBins,
  binIndex,
  createHistogram,
  type Histogram,
  latencyDifference,
  latencyInterval,
  type QuantileInterval,
} from '@haldane/statistics';

const quantiles = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
/** Answers an arm at which its intervals are tightest; fixed, for it must not depend on what was seen. */
const tightestAt = 2000;
/** The sketches' range: what a source puts outside of it counts into the bin at the end. */
const [fastest, slowest] = [binIndex(0.001), binIndex(60_000)];

type Bounds = { readonly low: number | null; readonly high: number | null };

/** One quantile of both arms in milliseconds, and experiment minus control. An end that nothing bounds yet is null. */
export type LatencyEffect = Readonly<Record<Arm, Bounds & { readonly seen: number }>> & { readonly difference: Bounds };

/** By quantile; null where an arm gave no answer. `level` is that of a difference. */
export type LatencyEffects = Readonly<Record<keyof typeof quantiles, LatencyEffect | null>> & { readonly level: number };

/**
 * How long real answers took while observing, each quantile with its confidence sequence (F11b, widened by the sketch's 1 %): the
 * difference holds at `level`, an arm's own interval at half the error, for all stopping times but for one quantile at a time. Seconds
 * in which the cap narrowed an arm are left out. Answers of one second hang together, so these are for information; the guard decides.
 */
export function latencyEffects(blocks: readonly Block[], level: number): LatencyEffects {
  const of = (arm: Arm): Histogram => {
    const histogram = createHistogram();
    for (const block of blocks) {
      if (block.phase !== 'observing' || block.narrowed) continue;
      addBins(
        histogram,
        block.latency[arm].map(([index, count]) => [Math.min(slowest, Math.max(fastest, index)), count] as const),
      );
    }
    return histogram;
  };
  const [control, experiment] = [of('control'), of('experiment')];
  const effect = (q: number): LatencyEffect | null => {
    const inControl = latencyInterval(control, q, (1 + level) / 2, tightestAt);
    const inExperiment = latencyInterval(experiment, q, (1 + level) / 2, tightestAt);
    if (inControl === null || inExperiment === null) return null;
    const { low, high } = latencyDifference(inExperiment, inControl);
    return { control: rounded(inControl), experiment: rounded(inExperiment), difference: { low: four(low), high: four(high) } };
  };
  return { level, p50: effect(quantiles.p50), p95: effect(quantiles.p95), p99: effect(quantiles.p99) };
}

function rounded({ low, high, estimate }: QuantileInterval): Bounds & { readonly seen: number } {
  return { low: four(low), seen: four(estimate) as number, high: four(high) };
}

/** The sketch knows no more than four digits. */
function four(ms: number | null): number | null {
  return ms === null ? null : Number(ms.toPrecision(4));
}

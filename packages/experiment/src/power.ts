import type { ExperimentSpec, Plan } from '@haldane/core';
import { lowerBoundRequests } from '@haldane/statistics';

const background = 0.001;
const effects = [0.002, 0.005, 0.01, 0.05, 0.2] as const;

/**
 * How long effects of given sizes take to show with this share, at least: no test of this level, knowing everything, is faster on average
 * (information bound, LB.1); Haldane's needs about 1.3 times as long. Null where the watch ends before that.
 */
export function powerOf(spec: ExperimentSpec, requestsPerSecond: number | null): Plan['power'] {
  if (requestsPerSecond === null || spec.exposure === 'synthetic') return [];
  const perArm = requestsPerSecond * spec.share;
  return effects.map((rate) => {
    const seconds = (1.3 * lowerBoundRequests({ p_c: background, p_e: rate, alpha: 0.8 * spec.alpha })) / perArm;
    return {
      effect: `${(rate * 100).toPrecision(2)} % failing in place of ${background * 100} %`,
      power: 0.5,
      expectedSeconds: seconds <= spec.watchSeconds ? Math.ceil(seconds) : null,
    };
  });
}

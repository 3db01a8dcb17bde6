import type { Block } from '@haldane/core';
import { upperRate } from '@haldane/statistics';

/**
 * Failures a service may have anyway, per admitted request: zero when the baseline showed none, else the time-uniform 95 % upper bound of
 * the rate that it showed, over production and both arms. Frozen before the injection, so nothing that happens later can widen it.
 */
export function creditRateOf(blocks: readonly Block[]): number {
  let requests = 0;
  let failures = 0;
  for (const { real } of blocks)
    for (const tally of [real.production, real.control, real.experiment]) {
      requests += tally.requests;
      failures += tally.failures;
    }
  return failures === 0 ? 0 : upperRate(failures, requests, 0.05);
}

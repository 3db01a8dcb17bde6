import type { Clock, MetricSource } from '@haldane/core';
import { noBlock } from '../no-block.ts';

/** A second is closed this long after its end, as with a router: rows that come late have their place. */
const graceMs = 250;

/**
 * For runs whose exposure is synthetic and where no router of ours counts: no real request is led to an arm, so each second holds none. It
 * says nothing of production; the plan refuses it together with real users.
 */
export function noTraffic({ clock }: { readonly clock: Clock }): MetricSource {
  return {
    id: 'none',
    read(_runId, after) {
      const last = Math.floor((clock.now() - graceMs) / 1000) - 1;
      const points = Array.from({ length: Math.max(0, last - after) }, (_, index) => noBlock(after + 1 + index));
      return Promise.resolve(points.length === 0 ? { state: 'no-data' } : { state: 'ok', points });
    },
  };
}

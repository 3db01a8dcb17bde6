import { emptyTally, type TrafficBlock } from '@haldane/core';

/** A second in which nothing was counted. */
export function noBlock(at: number): TrafficBlock {
  const zero = { control: 0, experiment: 0 };
  return {
    at,
    real: { production: emptyTally, control: emptyTally, experiment: emptyTally },
    keys: zero,
    failedKeys: zero,
    switched: 0,
    dependencyCalls: zero,
    met: zero,
    budget: { spent: 0, cap: 0, credit: 0 },
    narrowed: false,
    latency: { control: [], experiment: [] },
  };
}

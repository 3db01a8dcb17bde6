import type { Arm, Block } from '@haldane/core';

/** Latency sketches are log-bins of 1 % relative accuracy: bin i holds values up to gamma^i milliseconds. */
const gamma = 1.01 / 0.99;
const quantiles = [0.5, 0.95, 0.99] as const;

type Quantiles = { readonly [name: string]: number | null };

/** p50, p95 and p99 (ms, within 1 %) of real answers by arm while observing; seconds in which the cap narrowed an arm are left out. */
export function latencyQuantiles(blocks: readonly Block[]): { readonly control: Quantiles; readonly experiment: Quantiles } {
  const of = (arm: Arm): Quantiles => {
    const bins = new Map<number, number>();
    for (const block of blocks) {
      if (block.phase !== 'observing' || block.narrowed) continue;
      for (const [index, count] of block.latency[arm]) bins.set(index, (bins.get(index) ?? 0) + count);
    }
    const sorted = [...bins].sort(([a], [b]) => a - b);
    const total = sorted.reduce((sum, [, count]) => sum + count, 0);
    return Object.fromEntries(quantiles.map((q) => [`p${q * 100}`, total === 0 ? null : at(sorted, Math.ceil(q * total))]));
  };
  return { control: of('control'), experiment: of('experiment') };
}

/** The representative of the bin that holds the value of this rank (from 1). */
function at(sorted: readonly (readonly [number, number])[], rank: number): number {
  let seen = 0;
  for (const [index, count] of sorted) {
    seen += count;
    if (seen >= rank) return Number(((2 * gamma ** index) / (gamma + 1)).toPrecision(4));
  }
  return 0;
}

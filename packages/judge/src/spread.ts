import type { Block, InstanceCounts } from '@haldane/core';
import { arms } from '@haldane/core';

/** Requests and failures of each instance of both arms, by arm and place. */
export type InstanceTally = Readonly<Record<string, InstanceCounts>>;

export const noInstances: InstanceTally | null = null;

export function stepInstances(tally: InstanceTally | null, block: Block): InstanceTally | null {
  const { byInstance } = block;
  if (byInstance === undefined) return tally;
  const next: Record<string, InstanceCounts> = { ...tally };
  for (const arm of arms) {
    for (const [at, { requests, failures }] of byInstance[arm].entries()) {
      const name = `${arm} ${at}`;
      const before = next[name] ?? { requests: 0, failures: 0 };
      next[name] = { requests: before.requests + requests, failures: before.failures + failures };
    }
  }
  return next;
}

/** How much instances differ that should not: failure rates of the best and the worst, and the variance over what chance alone gives (1: none). */
export type Spread = { readonly instances: number; readonly lowest: number; readonly highest: number; readonly overChance: number | null };

/** Null where fewer than two instances can be told apart. */
export function spreadOf(tally: InstanceTally | null): Spread | null {
  const all = Object.values(tally ?? {}).filter(({ requests }) => requests > 0);
  if (all.length < 2) return null;
  const rates = all.map(({ requests, failures }) => failures / requests);
  const requests = all.reduce((sum, one) => sum + one.requests, 0);
  const rate = all.reduce((sum, one) => sum + one.failures, 0) / requests;
  const chi = all.reduce((sum, one) => sum + (one.failures - rate * one.requests) ** 2 / (one.requests * rate * (1 - rate)), 0);
  return {
    instances: all.length,
    lowest: Math.min(...rates),
    highest: Math.max(...rates),
    overChance: rate > 0 && rate < 1 ? chi / (all.length - 1) : null,
  };
}

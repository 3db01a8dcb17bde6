import type { Arm, Block } from '@haldane/core';
import { addTally, emptyTally } from '@haldane/core';
import { bernoulliInterval } from '@haldane/statistics';

/** The number of requests at which the band is tightest: fixed, not taken from the data. */
const tightestAt = 1_000;

export type RatePoint = { readonly second: number; readonly rate: number; readonly low: number; readonly high: number };

/**
 * The arm's failure rate since the injection (before it: since the start), with its 95 % confidence sequence: a band that the true rate
 * stays in at all times together, however often one looks.
 */
export function failureRates(blocks: readonly Block[], arm: Arm, startedAt: number, injectedAt: number | null): readonly RatePoint[] {
  let sum = emptyTally;
  let after = false;
  const points: RatePoint[] = [];
  for (const block of blocks) {
    if (!after && injectedAt !== null && block.at * 1000 >= injectedAt) {
      after = true;
      sum = emptyTally;
    }
    sum = addTally(sum, block.real[arm]);
    if (sum.requests === 0) continue;
    const { low, high } = bernoulliInterval(sum.failures, sum.requests, 0.05, tightestAt);
    points.push({ second: block.at - startedAt / 1000, rate: sum.failures / sum.requests, low, high });
  }
  return points;
}

/** Requests a second that each arm answered. */
export function requestRates(blocks: readonly Block[], arm: Arm, startedAt: number): readonly { second: number; value: number }[] {
  return blocks.map((block) => ({ second: block.at - startedAt / 1000, value: block.real[arm].requests }));
}

/** Failures charged so far. */
export function budgetBurn(blocks: readonly Block[], startedAt: number): readonly { second: number; value: number }[] {
  return blocks.map((block) => ({ second: block.at - startedAt / 1000, value: block.budget.spent }));
}

/** Answers to hostile requests, and calls that met the fault, each second in the experiment. */
export function attack(
  blocks: readonly Block[],
  startedAt: number,
): readonly { second: number; denied: number; accepted: number; met: number }[] {
  return blocks.map((block) => ({
    second: block.at - startedAt / 1000,
    denied: block.hostile.experiment.denied,
    accepted: block.hostile.experiment.accepted,
    met: block.met.experiment,
  }));
}

import type { Criteria } from '@haldane/core';
import {
  type ArmCounts,
  beginCountTest,
  beginProportionTest,
  type CountTest,
  type EventCounts,
  type ProportionTest,
  stepCountTest,
  stepProportionTest,
} from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';

/**
 * Non-inferiority (specification 3.9): evidence that the odds ratio is *below* the owner's tolerance, for each guardrail. Every one
 * must show it, so none needs a correction.
 */
export type SafetyState = { readonly keys: CountTest; readonly requests: ProportionTest; readonly legitimate: ProportionTest };

/** Alternatives for a margin of 2, as the specification gives them; those at or above the margin in hand fall away. */
const grid: readonly (readonly [number, number])[] = [
  [0.25, 0.05],
  [0.5, 0.05],
  [0.7, 0.1],
  [0.85, 0.2],
  [1, 0.4],
  [1.2, 0.1],
  [1.45, 0.1],
];

/** A fresh test that the odds of something bad are below the tolerated ones. */
export function beginNonInferiorityTest(criteria: Criteria): ProportionTest {
  return beginProportionTest(optionsOf(criteria));
}

export function beginSafety(criteria: Criteria): SafetyState {
  const options = optionsOf(criteria);
  return { keys: beginCountTest(options), requests: beginProportionTest(options), legitimate: beginProportionTest(options) };
}

function optionsOf(criteria: Criteria) {
  const margin = criteria.spec.tolerance.odds;
  const below = grid.filter(([psi]) => psi < margin);
  const usable = below.length > 0 ? below : ([[margin / 2, 1]] as const);
  const total = usable.reduce((sum, [, weight]) => sum + weight, 0);
  return {
    alpha: alphaLedger(criteria.spec.alpha).safe,
    psi0: margin,
    alternatives: { psis: usable.map(([psi]) => psi), weights: usable.map(([, weight]) => weight / total) },
    interval: false,
  };
}

/** One observed block further: the users in the unit that decides, and the synthetic ones. */
export function stepSafety(
  state: SafetyState,
  unit: 'keys' | 'requests' | null,
  block: { readonly keys: EventCounts; readonly requests: ArmCounts; readonly legitimate: ArmCounts },
): SafetyState {
  return {
    keys: unit === 'keys' ? stepCountTest(state.keys, block.keys) : state.keys,
    requests: unit === 'requests' ? stepProportionTest(state.requests, block.requests) : state.requests,
    legitimate: stepProportionTest(state.legitimate, block.legitimate),
  };
}

import type { TrafficBlock } from '@haldane/core';
import type { JudgeState } from './state.ts';

/** A source that is silent for this many whole seconds has stopped answering: no data is never a pass. */
const silentSeconds = 3;

/** In plain words that the error budget is used up; null while some is left. */
export function budgetSpent({ spent, cap, credit, users }: TrafficBlock['budget']): string | null {
  if (users !== undefined && users.spent > 0 && users.spent >= users.cap)
    return `the error budget is spent: ${users.spent} of ${users.cap} distinct users have seen a failure`;
  // Cap and credit bound what is admitted; a fraction of a credit admits nobody.
  const limit = cap + Math.floor(credit);
  if (spent === 0 || spent < limit) return null;
  return `the error budget is spent: users hurt ${spent} of ${limit}`;
}

/** In plain words that data is missing; null while it flows. */
export function dataGap(state: JudgeState): string | null {
  return state.missing >= silentSeconds ? `the metric source left out ${state.missing} s before second ${state.lastAt ?? 0}` : null;
}

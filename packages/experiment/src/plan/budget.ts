import { type ExperimentSpec, type Plan, timesOf } from '@haldane/core';
import { chanceBudgetSpent, smallestSensibleBudget, upperRate } from '@haldane/statistics';

/** A plan that a sound service would end by its own background more often than this is refused: it would say nothing. */
const mostChance = 0.05;

/**
 * The chance that a sound service spends the budget: in the baseline, which has no credit, or while being watched, with the credit that
 * such a baseline would freeze. Each is computed from the whole budget less what the other is expected to take. Undefined when no
 * background is declared or the traffic is unknown.
 */
export function budgetOf(spec: ExperimentSpec, requestsPerSecond: number | null): Plan['budget'] {
  const { background = 0 } = spec;
  // Under a shield or a mirror a failure is nobody's harm, so a service's own failures spend nothing.
  if ((spec.slice?.mode ?? 'route') !== 'route') return undefined;
  if (background <= 0 || requestsPerSecond === null || requestsPerSecond <= 0 || spec.exposure === 'synthetic') return undefined;
  const both = (1 + timesOf(spec, 'control')) * spec.share * requestsPerSecond;
  const inBaseline = both * spec.baselineSeconds;
  const watched = both * spec.watchSeconds;
  // The baseline's credit rate comes from every cluster's requests.
  const measured = Math.max(1, Math.round(requestsPerSecond * spec.baselineSeconds));
  const failed = Math.min(measured, Math.round(background * measured));
  const credit = failed === 0 ? 0 : upperRate(failed, measured, 0.05);
  const before = Math.ceil(background * inBaseline);
  const chance = (cap: number) =>
    Math.min(
      1,
      chanceBudgetSpent(background, inBaseline, cap, 0) + chanceBudgetSpent(background, watched, Math.max(0, cap - before), credit),
    );
  // Half the limit for each part is where the search begins; from there the whole decides.
  let smallest = Math.max(
    smallestSensibleBudget(background, inBaseline, 0, mostChance),
    before + smallestSensibleBudget(background, watched, credit, mostChance),
  );
  while (chance(smallest) > mostChance) smallest += 1;
  return { chance: chance(spec.budget.failures), limit: mostChance, background, smallestSensible: smallest };
}

/** Why the budget is refused, naming the one that would do; empty when it is sensible. */
export function budgetRefusals(spec: ExperimentSpec, budget: Plan['budget']): readonly string[] {
  if (budget === undefined || budget.chance <= budget.limit) return [];
  const percent = (share: number) => `${Number((share * 100).toPrecision(2))} %`;
  return [
    `a sound service, ${percent(budget.background)} of whose requests fail anyway, would spend budget.failures: ${spec.budget.failures} with a chance of ${percent(budget.chance)}; ` +
      `write budget: { failures: ${budget.smallestSensible} } (at most ${percent(budget.limit)}), or a smaller share or a shorter watch`,
  ];
}

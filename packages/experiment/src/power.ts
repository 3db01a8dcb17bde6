import type { ExperimentSpec, Plan } from '@haldane/core';
import { expectedSecondsToStop, smallestEffect, stoppingLaw } from '@haldane/statistics';

/** Failures that a service is taken to have anyway, for the plan's arithmetic only. */
const background = 0.001;
/** What most regressions look like: some users, many users, most users. */
const examples = [0.02, 0.1, 0.5] as const;

/**
 * What this share and this watch can show of failures of users: the smallest effect that is found with 80 % and 95 % power, and how long
 * some effects take to show on average. By computation, with the tolerance and the level that the judge uses. Empty when the traffic is unknown.
 */
export function powerOf(spec: ExperimentSpec, requestsPerSecond: number | null): Plan['power'] {
  if (requestsPerSecond === null || spec.exposure === 'synthetic') return [];
  const perSecond = requestsPerSecond * spec.share;
  const planned = {
    alpha: 0.8 * spec.alpha,
    psi0: spec.tolerance.odds,
    controlRate: background,
    controlPerSecond: perSecond,
    experimentPerSecond: perSecond,
    seconds: spec.watchSeconds,
  };
  const smallest = [0.8, 0.95].flatMap((power) => {
    const found = smallestEffect(planned, power);
    return found === null ? [] : [{ power, rate: found.experimentRate }];
  });
  return [...smallest, ...examples.map((rate) => ({ power: null, rate }))]
    .sort((a, b) => a.rate - b.rate)
    .map(({ power, rate }) => {
      const seconds = expectedSecondsToStop(stoppingLaw({ ...planned, experimentRate: rate }));
      return {
        effect: `${percent(rate)} of requests failing in place of ${percent(background)}`,
        power,
        expectedSeconds: seconds === null ? null : Math.max(1, Math.ceil(seconds)),
      };
    });
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(2))} %`;
}

import { type ExperimentSpec, type Plan, timesOf } from '@haldane/core';
import { usersLevel } from '@haldane/judge';
import { chanceStopped, expectedSecondsToStop, type PlannedTest, secondsToStop, smallestEffect, stoppingLaw } from '@haldane/statistics';

/** Failures that a service is taken to have anyway where nothing was declared, for the plan's arithmetic only. */
const usualBackground = 0.001;
/** What most regressions look like: some users, many users, most users. */
const examples = [0.02, 0.1, 0.5] as const;
/** How sure one wants to be to find a wanted effect. */
const wantedPower = 0.8;
/** Shares that people choose. */
const usualShares = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5] as const;
/** More requests than this in an arm are not a plan. */
const mostRequests = 2 ** 26;

/** The test that real users' failures get, at its own part of alpha: the guardrails together share what may stop a run. */
function plannedTest(spec: ExperimentSpec): Pick<PlannedTest, 'alpha' | 'psi0' | 'controlRate'> {
  return { alpha: usersLevel(spec), psi0: spec.tolerance.odds, controlRate: backgroundOf(spec) };
}

function backgroundOf({ background = 0 }: ExperimentSpec): number {
  return background > 0 ? background : usualBackground;
}

/**
 * What this share and this watch can show of failures of users: the smallest effect that is found with 80 % and 95 % power, and how long
 * some effects take to show on average. By computation, with the tolerance and the level that the judge uses. Empty when the traffic is unknown.
 */
export function powerOf(spec: ExperimentSpec, requestsPerSecond: number | null): Plan['power'] {
  if (requestsPerSecond === null || requestsPerSecond <= 0 || spec.exposure === 'synthetic') return [];
  const perSecond = requestsPerSecond * spec.share;
  // The smaller shares of a ramp bring little; what is left of the watch is what can be counted on.
  const seconds = spec.watchSeconds - (spec.slice?.ramp ?? []).reduce((sum, stage) => sum + stage.seconds, 0);
  const planned = {
    ...plannedTest(spec),
    controlPerSecond: perSecond * timesOf(spec, 'control'),
    experimentPerSecond: perSecond,
    seconds,
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
        effect: `${percent(rate)} of requests failing in place of ${percent(planned.controlRate)}`,
        power,
        expectedSeconds: seconds === null ? null : Math.max(1, Math.ceil(seconds)),
      };
    });
}

/**
 * The reverse: what finding a failure rate (0..1) with 80 % chance takes, in requests of each arm, and the shares and watches (seconds)
 * that bring so many. Only the number of requests counts, not how fast they come.
 */
export function findEffect(spec: ExperimentSpec, requestsPerSecond: number | null, rate: number): NonNullable<Plan['find']> {
  const requests = requestsToFind(spec, rate);
  const at = (share: number) => ({
    share,
    seconds:
      requests === null || requestsPerSecond === null || requestsPerSecond <= 0
        ? null
        : Math.max(1, Math.ceil(requests / (requestsPerSecond * share))),
  });
  const within = requests === null || requestsPerSecond === null ? Number.NaN : requests / (requestsPerSecond * spec.watchSeconds);
  const shares = [spec.share, ...(within > 0 && within <= 0.5 ? [Math.ceil(within * 1000) / 1000] : []), ...usualShares];
  return { rate, power: wantedPower, requests, choices: [...new Set(shares)].sort((a, b) => a - b).map(at) };
}

/**
 * What a larger control arm saves, in a sentence: of the requests that find an effect with 80 % chance, those that meet the fault. Null
 * where the arms are equal, or nothing is found.
 */
export function savingOf(spec: ExperimentSpec, requestsPerSecond: number | null): string | null {
  const times = timesOf(spec, 'control');
  // Finding out is the dearest part of a plan.
  if (times === 1) return null;
  const effect = Math.max(examples[0], 2 * backgroundOf(spec));
  const larger = requestsToFind(spec, effect);
  const equal = requestsToFind({ ...spec, controlTimes: 1 }, effect);
  if (larger === null || equal === null) return null;
  const seconds = (requests: number) => Math.max(1, Math.ceil(requests / ((requestsPerSecond ?? 0) * spec.share)));
  const sooner = requestsPerSecond === null || requestsPerSecond <= 0 ? '' : ` (${seconds(larger)} s in place of ${seconds(equal)} s)`;
  return `A control arm ${times} times as large: ${percent(effect)} failing in place of ${percent(backgroundOf(spec))} is found with 80 % chance after ${larger} requests of the experiment in place of ${equal}${sooner}; so many fewer users meet the fault, and ${spec.instances * (times - 1)} more of control's instances run.`;
}

function requestsToFind(spec: ExperimentSpec, rate: number): number | null {
  const test = { ...plannedTest(spec), experimentRate: rate, controlPerSecond: timesOf(spec, 'control'), experimentPerSecond: 1 };
  const { controlRate: base } = test;
  if (rate / (1 - rate) <= (test.psi0 * base) / (1 - base)) return null;
  for (let most = 64; most <= mostRequests; most *= 4) {
    const law = stoppingLaw({ ...test, seconds: most });
    if (chanceStopped(law, most) < wantedPower) continue;
    const needed = secondsToStop(law, wantedPower);
    return needed === null ? null : Math.ceil(needed);
  }
  return null;
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(2))} %`;
}

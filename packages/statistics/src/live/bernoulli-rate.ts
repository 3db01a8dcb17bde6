import { logBetaBinomialMixture } from '../boundary/beta-binomial-mixture.ts';
import { findRoot } from '../special/find-root.ts';
import { checkCount } from './arm-counts.ts';

/** The two ends of an interval. */
export type Range = { readonly low: number; readonly high: number };

function checked(events: number, trials: number, alpha: number, trialsOpt: number): void {
  checkCount('events', events);
  checkCount('trials', trials);
  if (events > trials) throw new RangeError(`events is ${events} of trials=${trials}; events cannot exceed trials`);
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha is ${alpha}; give a probability strictly between 0 and 1`);
  if (!(trialsOpt > 0)) throw new RangeError(`trialsOpt is ${trialsOpt}; give the number of trials at which the bound should be tightest`);
}

/**
 * A two-sided confidence sequence for a Bernoulli rate (F10, beta-binomial mixture): it covers the rate at every number
 * of trials at once with chance 1 − alpha. `trialsOpt` is where it is tightest; fix it before the data.
 */
export function bernoulliInterval(events: number, trials: number, alpha: number, trialsOpt: number, alphaOpt = 0.05): Range {
  checked(events, trials, alpha, trialsOpt);
  if (trials === 0) return { low: 0, high: 1 };
  const goal = Math.log(1 / alpha);
  const over = (p: number): number =>
    logBetaBinomialMixture({ v: p * (1 - p) * trials, vOpt: p * (1 - p) * trialsOpt, g: p, h: 1 - p, alphaOpt, oneSided: false })(
      events - p * trials,
    ) - goal;
  const rate = events / trials;
  return {
    // At a rate of 1 every trial is an event: there is no deviation, and the mixture is 1.
    low: events === 0 ? 0 : findRoot((p) => (p <= 0 ? 1 : p >= 1 ? -goal : over(p)), 0, rate),
    high: events === trials ? 1 : findRoot((p) => (p <= 0 ? -1 : p >= 1 ? 1 : over(p)), rate, 1),
  };
}

/**
 * An upper bound on a Bernoulli rate that holds at every number of trials at once with chance 1 − alpha (one-sided
 * beta-binomial mixture): what a baseline's background failure rate is at most. 1 while nothing is known.
 */
export function upperRate(events: number, trials: number, alpha: number, trialsOpt: number = Math.max(trials, 1)): number {
  checked(events, trials, alpha, trialsOpt);
  if (events === trials) return 1;
  const goal = Math.log(1 / alpha);
  const over = (p: number): number => {
    if (p >= 1) return 1;
    const options = { v: p * (1 - p) * trials, vOpt: p * (1 - p) * trialsOpt, g: 1 - p, h: p, alphaOpt: alpha, oneSided: true };
    return logBetaBinomialMixture(options)(p * trials - events) - goal;
  };
  const rate = events === 0 ? 1e-12 : events / trials;
  return findRoot(over, rate, 1);
}

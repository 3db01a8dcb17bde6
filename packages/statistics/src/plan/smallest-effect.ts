import { chanceStopped, type PlannedTest, stoppingLaw } from './stopping-law.ts';

/** A rate whose odds are `ratio` times those of `rate`. */
export function rateAtOdds(rate: number, ratio: number): number {
  return (ratio * rate) / (1 - rate + ratio * rate);
}

/** An effect as an odds ratio, and as the experiment's failure rate. */
export type Effect = { readonly oddsRatio: number; readonly experimentRate: number };

/**
 * The smallest rise of failures that the test finds within the planned time with this power, to within 1 %; null when
 * not even 50 times the odds are. A control rate of 0 counts as one failure in ten million, since odds need a base.
 */
export function smallestEffect(planned: Omit<PlannedTest, 'experimentRate'>, power: number): Effect | null {
  if (!(power > 0 && power < 1)) throw new RangeError(`power is ${power}; give a probability strictly between 0 and 1 (0.8)`);
  const base = Math.max(planned.controlRate, 1e-7);
  const most = planned.controlRate < 1e-4 ? 1e6 : 1000;
  const found = (ratio: number): boolean =>
    chanceStopped(stoppingLaw({ ...planned, controlRate: base, experimentRate: rateAtOdds(base, ratio) }), planned.seconds) >= power;
  if (!found(most)) return null;
  let low = planned.psi0;
  let high = most;
  while (high / low > 1.01) {
    const middle = Math.sqrt(low * high);
    if (found(middle)) high = middle;
    else low = middle;
  }
  return { oddsRatio: high, experimentRate: rateAtOdds(base, high) };
}

import { findRoot } from '../special/find-root.ts';

/** ln of a mixture supermartingale at deviation s. */
export type LogMixture = (s: number) => number;

/** The s at which ln mixture reaches ln(1/alpha), searched from 0 up to `most`; `most` itself when it is never reached. */
export function mixtureBound(logMixture: LogMixture, alpha: number, scale: number, most = Number.POSITIVE_INFINITY): number {
  const goal = Math.log(1 / alpha);
  let high = Math.min(Math.max(scale, 1), most);
  while (!(logMixture(high) > goal)) {
    if (high >= most) return most;
    high = Math.min(high * 2, most);
    if (!Number.isFinite(high)) throw new RangeError(`mixtureBound: alpha=${alpha} is never reached; check v and v_opt (scale ${scale})`);
  }
  return findRoot((s) => logMixture(s) - goal, 0, high);
}

import { deviance } from '../special/deviance.ts';

/** Kullback and Leibler's divergence of one trial at rate p from one at rate q, in nats. */
function divergence(p: number, q: number): number {
  return deviance(p, q) + deviance(1 - p, 1 - q);
}

/**
 * No test at level alpha that surely finds the difference needs fewer requests per arm on average (LB.1; equal arms):
 * ln(1/alpha)/(KL(p_e‖p_0) + KL(p_c‖p_0)), p_0 the mean rate. Infinity when the rates are equal.
 */
export function lowerBoundRequests(pc: number, pe: number, alpha: number): number {
  if (!(pc >= 0 && pc <= 1 && pe >= 0 && pe <= 1)) throw new RangeError(`pc=${pc}, pe=${pe}: give failure rates from 0 to 1`);
  if (pc === pe) return Number.POSITIVE_INFINITY;
  const p0 = (pc + pe) / 2;
  return Math.log(1 / alpha) / (divergence(pe, p0) + divergence(pc, p0));
}

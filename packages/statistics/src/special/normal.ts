import { findRoot } from './find-root.ts';
import { lnGammaP, lnGammaQ } from './incomplete-gamma.ts';

/** The standard normal density at z. */
export function normalDensity(z: number): number {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}

/** P(Z > z) for a standard normal Z, with full relative accuracy in the upper tail. */
export function normalTail(z: number): number {
  if (z === 0) return 0.5;
  if (z > 0) return 0.5 * Math.exp(lnGammaQ(0.5, 0.5 * z * z));
  return 0.5 + 0.5 * Math.exp(lnGammaP(0.5, 0.5 * z * z));
}

/** ln P(Z > z), finite also where P itself is no number that a double can hold. */
export function lnNormalTail(z: number): number {
  return z > 0 ? lnGammaQ(0.5, 0.5 * z * z) - Math.LN2 : Math.log(normalTail(z));
}

/** The z with P(Z > z) = p, 0 < p < 1. */
export function normalQuantileUpper(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`normalQuantileUpper: p is ${p}; give a probability strictly between 0 and 1`);
  if (p === 0.5) return 0;
  if (p > 0.5) return -normalQuantileUpper(1 - p);
  return findRoot((z) => Math.log(normalTail(z)) - Math.log(p), 0, 39);
}

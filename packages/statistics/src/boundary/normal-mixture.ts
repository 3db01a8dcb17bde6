import { lnNormalTail } from '../special/normal.ts';
import { bestRho } from './best-rho.ts';
import { mixtureBound } from './mixture-bound.ts';

/** ln of the two-sided normal mixture at deviation s and intrinsic time v (F10). */
export function logNormalMixtureTwoSided(s: number, v: number, rho: number): number {
  return 0.5 * Math.log(rho / (v + rho)) + (s * s) / (2 * (v + rho));
}

/** The time-uniform two-sided bound on |s| (F10, closed form). */
export function normalBoundTwoSided(v: number, alpha: number, rho: number): number {
  return Math.sqrt((v + rho) * (Math.log(1 + v / rho) + 2 * Math.log(1 / alpha)));
}

/** ln of the one-sided normal mixture (F10); rho from `bestRho(vOpt, 2 alpha)`. */
export function logNormalMixtureOneSided(s: number, v: number, rho: number): number {
  return 0.5 * Math.log((4 * rho) / (v + rho)) + (s * s) / (2 * (v + rho)) + lnNormalTail(-s / Math.sqrt(v + rho));
}

/** The time-uniform one-sided bound on s. */
export function normalBoundOneSided(v: number, alpha: number, rho: number): number {
  return mixtureBound((s) => logNormalMixtureOneSided(s, v, rho), alpha, Math.sqrt(v + rho));
}

/** rho of the one-sided mixtures for intrinsic time vOpt at alphaOpt. */
export function oneSidedRho(vOpt: number, alphaOpt: number): number {
  return bestRho(vOpt, 2 * alphaOpt);
}

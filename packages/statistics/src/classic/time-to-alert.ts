import { lnGamma } from '../special/ln-gamma.ts';

/**
 * ln E that alerts come at a mean rate other than lam0 (F25): d alerts in a total waiting time T (censored waits add to T only),
 * exponential waits, gamma(a, b) mixture over the rate.
 */
export function logTimeToAlertE(d: number, totalWait: number, lam0: number, a: number, b: number): number {
  return lnGamma(a + d) - lnGamma(a) + a * Math.log(b) - (a + d) * Math.log(b + totalWait) - d * Math.log(lam0) + lam0 * totalWait;
}

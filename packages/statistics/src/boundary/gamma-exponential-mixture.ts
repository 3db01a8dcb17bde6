import { lnGammaP } from '../special/incomplete-gamma.ts';
import { lnGamma } from '../special/ln-gamma.ts';
import { type LogMixture, mixtureBound } from './mixture-bound.ts';
import { oneSidedRho } from './normal-mixture.ts';

/**
 * ln of the gamma-exponential mixture for a sub-exponential process with scale c (F10; Howard et al. 2021): the conjugate
 * gamma mixture over 1 − c·lambda of exp(lambda s − v psi(lambda)), psi = (−ln(1 − c lambda) − c lambda)/c².
 */
export function logGammaExponentialMixture(v: number, vOpt: number, c: number, alphaOpt: number): LogMixture {
  const csq = c * c;
  const a = oneSidedRho(vOpt, alphaOpt) / csq;
  const shape = v / csq + a;
  const front = a * Math.log(a) - lnGamma(a) - lnGammaP(a, a);
  return (s) => {
    const n = s / c + v / csq;
    return front + lnGamma(shape) + lnGammaP(shape, n + a) - shape * Math.log(n + a) + n;
  };
}

/** The time-uniform one-sided bound on s at intrinsic time v (F10). */
export function gammaExponentialBound(v: number, alpha: number, vOpt: number, c: number, alphaOpt = alpha): number {
  return mixtureBound(logGammaExponentialMixture(v, vOpt, c, alphaOpt), alpha, Math.sqrt(v + vOpt) + c);
}

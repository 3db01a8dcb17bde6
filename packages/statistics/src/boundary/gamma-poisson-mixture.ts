import { lnGammaQ } from '../special/incomplete-gamma.ts';
import { lnGamma } from '../special/ln-gamma.ts';
import { type LogMixture, mixtureBound } from './mixture-bound.ts';
import { oneSidedRho } from './normal-mixture.ts';

/** ln of the gamma-Poisson mixture for a sub-Poisson process with scale c (F10; Howard et al. 2021): psi = (e^(c lambda) − c lambda − 1)/c². */
export function logGammaPoissonMixture(v: number, vOpt: number, c: number, alphaOpt: number): LogMixture {
  const csq = c * c;
  const a = oneSidedRho(vOpt, alphaOpt) / csq;
  const rate = v / csq + a;
  const front = a * Math.log(a) - lnGamma(a) - lnGammaQ(a, a);
  return (s) => {
    const shape = s / c + rate;
    return front + lnGamma(shape) + lnGammaQ(shape, rate) - shape * Math.log(rate) + v / csq;
  };
}

/** The time-uniform one-sided bound on s at intrinsic time v. */
export function gammaPoissonBound(v: number, alpha: number, vOpt: number, c: number, alphaOpt = alpha): number {
  return mixtureBound(logGammaPoissonMixture(v, vOpt, c, alphaOpt), alpha, Math.sqrt(v + vOpt) + c);
}

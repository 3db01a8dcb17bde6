import { lnIncompleteBeta } from '../special/incomplete-beta.ts';
import { bestRho } from './best-rho.ts';
import { type LogMixture, mixtureBound } from './mixture-bound.ts';

export type BetaBinomialOptions = {
  readonly v: number;
  readonly vOpt: number;
  /** Increments lie in [−g, h]. */
  readonly g: number;
  readonly h: number;
  readonly alphaOpt: number;
  readonly oneSided: boolean;
};

/** ln of the beta-binomial mixture for bounded increments (F10; Howard et al. 2021): a Beta prior on g e^(h lambda)/(g e^(h lambda) + h e^(−g lambda)). */
export function logBetaBinomialMixture({ v, vOpt, g, h, alphaOpt, oneSided }: BetaBinomialOptions): LogMixture {
  const width = g + h;
  const r = Math.max(bestRho(vOpt, oneSided ? 2 * alphaOpt : alphaOpt) - g * h, 1e-3 * g * h);
  const x = oneSided ? h / width : 1;
  const front = (v / (g * h)) * Math.log(width) - lnIncompleteBeta(r / (g * width), r / (h * width), x);
  return (s) =>
    front -
    ((v + h * s) / (h * width)) * Math.log(g) -
    ((v - g * s) / (g * width)) * Math.log(h) +
    lnIncompleteBeta((r + v - g * s) / (g * width), (r + v + h * s) / (h * width), x);
}

/** The time-uniform bound on s at intrinsic time v; at most v/g, which s cannot pass. */
export function betaBinomialBound(options: BetaBinomialOptions, alpha: number): number {
  const { v, vOpt, g } = options;
  return mixtureBound(logBetaBinomialMixture(options), alpha, Math.sqrt(v + vOpt), v / g);
}

import { betaBinomialBound } from '../boundary/beta-binomial-mixture.ts';

export type QuantileRanks = {
  readonly lowerRank: number;
  readonly upperRank: number;
  readonly lowerRadius: number;
  readonly upperRadius: number;
};

/**
 * Ranks (1-based) between which the p-quantile of t values lies, at all t at once with chance 1 − alpha (F11b; Howard & Ramdas 2022).
 * Rank 0 and t + 1 mean unbounded. Tightest near tOpt values.
 */
export function quantileRanks(t: number, p: number, alpha: number, tOpt: number, alphaOpt = alpha): QuantileRanks {
  if (!(p > 0 && p < 1)) throw new RangeError(`p is ${p}; give a quantile strictly between 0 and 1`);
  if (!(t >= 1)) throw new RangeError(`t is ${t}; give the number of values, at least 1`);
  const bound = (g: number): number =>
    betaBinomialBound({ v: p * (1 - p) * t, vOpt: p * (1 - p) * tOpt, g, h: 1 - g, alphaOpt, oneSided: false }, alpha);
  const lower = bound(1 - p);
  const upper = bound(p);
  // A bound at the end of the range excludes nothing.
  const free = 1 - 1e-12;
  return {
    lowerRank: lower >= p * t * free ? 0 : Math.floor(t * p - lower + 1),
    upperRank: upper >= (1 - p) * t * free ? t + 1 : Math.ceil(t * p + upper),
    lowerRadius: lower / t,
    upperRadius: upper / t,
  };
}

/** The half-width of a band for the whole distribution function, at all t ≥ 1 at once (F11; Howard & Ramdas 2022, Corollary 2). For plots only: it needs many more values than F11b. */
export function dkwRadius(t: number, alpha: number): number {
  return 0.85 * Math.sqrt((Math.log(Math.log(Math.E * t)) + 0.8 * Math.log(1612 / alpha)) / t);
}

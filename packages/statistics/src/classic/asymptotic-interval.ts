/** rho of the asymptotic confidence sequence, tightest at tOpt (F12; Waudby-Smith et al. 2024). */
export function asymptoticRho(alpha: number, tOpt: number, twoSided = true): number {
  const a = twoSided ? alpha : 2 * alpha;
  return Math.sqrt((-2 * Math.log(a) + Math.log(1 - 2 * Math.log(a))) / tOpt);
}

/** Half-width of the two-sided asymptotic confidence sequence for a mean with variance s2 after t units (F12). Approximate: label it so. */
export function asymptoticHalfWidth(s2: number, t: number, rho: number, alpha: number): number {
  const q = t * rho * rho + 1;
  return Math.sqrt(((s2 * 2 * q) / (t * t * rho * rho)) * Math.log(Math.sqrt(q) / alpha));
}

/** Distance of the one-sided bound (F12). */
export function asymptoticHalfWidthOneSided(s2: number, t: number, rho: number, alpha: number): number {
  const q = t * rho * rho + 1;
  return Math.sqrt(((s2 * 2 * q) / (t * t * rho * rho)) * Math.log(1 + Math.sqrt(q) / (2 * alpha)));
}

/** The two-sided asymptotic anytime p of a difference with standard error se after t units (F12), at most 1. */
export function asymptoticP(difference: number, se: number, t: number, rho: number): number {
  const q = t * rho * rho + 1;
  return Math.min(1, Math.sqrt(q) * Math.exp((-rho * rho * ((difference * difference * t) / (se * se))) / (2 * q)));
}

/** Sums that add up over blocks: all that a mean's interval needs. */
export type MomentSums = { readonly sum: number; readonly sumOfSquares: number; readonly n: number };

/** The difference of means of two arms, its standard error, and the lower bound at one-sided alpha (F12 with t = all units). */
export function asymptoticMeanDifference(
  base: MomentSums,
  other: MomentSums,
  alpha: number,
  tOpt: number,
): { readonly difference: number; readonly se: number; readonly lower: number; readonly upper: number } {
  const variance = ({ sum, sumOfSquares, n }: MomentSums): number => (sumOfSquares - (sum * sum) / n) / (n - 1);
  const se = Math.sqrt(variance(base) / base.n + variance(other) / other.n);
  const t = base.n + other.n;
  const difference = other.sum / other.n - base.sum / base.n;
  const half = asymptoticHalfWidthOneSided(se * se * t, t, asymptoticRho(alpha, tOpt, false), alpha);
  return { difference, se, lower: difference - half, upper: difference + half };
}

/**
 * The variance of a ratio of sums over n units, R = Σa/Σb, by the delta method: (s_a² − 2R s_ab + R² s_b²)/(n b̄²) (3.4).
 * Give the sample variances, their covariance and the mean of b.
 */
export function ratioVariance(ratio: number, varianceA: number, covariance: number, varianceB: number, meanB: number, n: number): number {
  return (varianceA - 2 * ratio * covariance + ratio * ratio * varianceB) / (n * meanB * meanB);
}

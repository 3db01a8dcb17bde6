import { lnGamma } from '../special/ln-gamma.ts';
import { logSumExp } from '../special/log-sum-exp.ts';
import { checkCount } from './arm-counts.ts';

/**
 * ln of the Dirichlet-multinomial e-value against fixed shares (F3; Lindon & Malek 2022) with prior strength k. An
 * e-process in the counts as they grow.
 */
export function logDirichletE(counts: readonly number[], shares: readonly number[], k: number): number {
  let logE = 0;
  let n = 0;
  counts.forEach((count, i) => {
    const share = shares[i] as number;
    if (count === 0) return;
    if (share === 0) {
      logE = Number.POSITIVE_INFINITY;
      return;
    }
    n += count;
    logE += lnGamma(k * share + count) - lnGamma(k * share) - count * Math.log(share);
  });
  return logE + lnGamma(k) - lnGamma(k + n);
}

/** ln e and p = min(1, 1/e). */
export type EValue = { readonly logE: number; readonly p: number };

/**
 * Whether users were split as planned (F3, k = 100 and 1000 averaged). Counts are assigned users or sessions, never
 * requests: a session's requests come together, and the test would always alarm. Safe to look at as often as one likes;
 * below .001 the run is invalid.
 */
export function sampleRatio(counts: readonly number[], shares: readonly number[]): EValue {
  if (counts.length !== shares.length || counts.length < 2)
    throw new RangeError(`counts has ${counts.length} and shares ${shares.length} entries; give one share for each of at least two groups`);
  counts.forEach((count, i) => {
    checkCount(`counts[${i}]`, count);
  });
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (!(shares.every((share) => share >= 0) && total > 0))
    throw new RangeError(`shares [${shares.join(', ')}] must be at least 0 and not all 0`);
  const normed = shares.map((share) => share / total);
  const logE = logSumExp([logDirichletE(counts, normed, 100), logDirichletE(counts, normed, 1000)]) - Math.LN2;
  return { logE, p: Math.min(1, Math.exp(-logE)) };
}

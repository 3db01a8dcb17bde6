import { logBetaBinomialMixture } from '../boundary/beta-binomial-mixture.ts';

/** How many of the sorted values are below (or at) x. */
function countBelow(sorted: ArrayLike<number>, x: number, orAt: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = sorted[middle] as number;
    if (value < x || (orAt && value === x)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One arm's evidence against "the quantile is x", as a function of the share of values below x; it has one minimum. */
function evidence(n: number, p: number, tOpt: number, alphaOpt: number): (share: number) => number {
  const v = p * (1 - p);
  const mixture = logBetaBinomialMixture({ v: v * n, vOpt: v * tOpt, g: p, h: 1 - p, alphaOpt, oneSided: false });
  return (share) => mixture((share - p) * n);
}

/** Where a function with one minimum is smallest in [0, 1], by golden section. */
function minimiser(f: (x: number) => number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let a = 0;
  let b = 1;
  let c = b - golden * (b - a);
  let d = a + golden * (b - a);
  let fc = f(c);
  let fd = f(d);
  while (b - a > 1e-10) {
    if (fc < fd) {
      [b, d, fd] = [d, c, fc];
      c = b - golden * (b - a);
      fc = f(c);
    } else {
      [a, c, fc] = [c, d, fd];
      d = a + golden * (b - a);
      fd = f(d);
    }
  }
  return (a + b) / 2;
}

/**
 * The anytime-valid p-value for "both arms have the same p-quantile" (Howard & Ramdas 2022): the smallest joint evidence
 * over all values that the common quantile might have. An optional second opinion beside the exceedance test.
 */
export function quantileAbP(a: readonly number[], b: readonly number[], p: number, tOpt: number, alphaOpt: number): number {
  if (a.length === 0 || b.length === 0) return 1;
  const arms = [a, b].map((values) => {
    const sorted = Float64Array.from(values).sort();
    const against = evidence(sorted.length, p, tOpt, alphaOpt);
    const best = minimiser(against);
    // At x, the quantile may take any share between "below x" and "at or below x": the one nearest the minimum counts.
    const at = (x: number): number => {
      const below = countBelow(sorted, x, false) / sorted.length;
      const orAt = countBelow(sorted, x, true) / sorted.length;
      return against(Math.min(Math.max(best, below), orAt));
    };
    return { sorted, at };
  });
  const [first, second] = arms as [(typeof arms)[0], (typeof arms)[0]];
  let least = Number.POSITIVE_INFINITY;
  for (const values of [first.sorted, second.sorted]) for (const x of values) least = Math.min(least, first.at(x) + second.at(x));
  return Math.min(1, Math.exp(-least));
}

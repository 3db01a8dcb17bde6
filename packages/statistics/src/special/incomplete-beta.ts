import { lnBeta } from './ln-gamma.ts';

const tiny = 1e-300;

/** Lentz's continued fraction of the incomplete beta function; converges fast for x < (a + 1)/(a + b + 2). */
function fraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let h = d;
  for (let m = 1; m < 1_000_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + even * d;
    c = 1 + even / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    h *= d * (Math.abs(c) < tiny ? tiny : c);
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + odd * d;
    c = 1 + odd / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    const step = d * (Math.abs(c) < tiny ? tiny : c);
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return h;
}

/** ln of the (not regularised) incomplete beta function: ∫ from 0 to x of t^(a−1) (1−t)^(b−1) dt, a and b > 0, 0 ≤ x ≤ 1. */
export function lnIncompleteBeta(a: number, b: number, x: number): number {
  if (x <= 0) return Number.NEGATIVE_INFINITY;
  if (x >= 1) return lnBeta(a, b);
  const lnFront = a * Math.log(x) + b * Math.log1p(-x);
  if (x < (a + 1) / (a + b + 2)) return lnFront + Math.log(fraction(a, b, x) / a);
  const whole = lnBeta(a, b);
  return whole + Math.log1p(-Math.exp(lnFront + Math.log(fraction(b, a, 1 - x) / b) - whole));
}

/** The regularised incomplete beta function I_x(a, b): the probability that a Beta(a, b) variable is at most x. */
export function betaP(a: number, b: number, x: number): number {
  return Math.exp(lnIncompleteBeta(a, b, x) - lnBeta(a, b));
}

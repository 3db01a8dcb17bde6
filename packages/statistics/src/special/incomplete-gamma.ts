import { lnGamma } from './ln-gamma.ts';

const epsilon = 1e-17;
const tiny = 1e-300;

/** ln of x^a e^-x / Γ(a), the factor in front of both expansions; written so that nothing cancels when a is large and x near it. */
function lnFront(a: number, x: number): number {
  return a * Math.log(x) - x - lnGamma(a);
}

/** Power series of γ(a, x)·a / (x^a e^-x); converges fast for x < a + 1. */
function series(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; n < 1_000_000; n++) {
    term *= x / (a + n);
    sum += term;
    if (term < sum * epsilon) break;
  }
  return sum / a;
}

/** Lentz's continued fraction of Γ(a, x) / (x^a e^-x); converges fast for x > a + 1. */
function fraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / (b === 0 ? tiny : b);
  let h = d;
  for (let n = 1; n < 1_000_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = an * d + b;
    if (Math.abs(d) < tiny) d = tiny;
    c = b + an / c;
    if (Math.abs(c) < tiny) c = tiny;
    d = 1 / d;
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return h;
}

/** ln of the regularised lower incomplete gamma function P(a, x), a > 0, x ≥ 0. */
export function lnGammaP(a: number, x: number): number {
  if (x <= 0) return Number.NEGATIVE_INFINITY;
  if (x < a + 1) return lnFront(a, x) + Math.log(series(a, x));
  return Math.log1p(-Math.exp(lnFront(a, x) + Math.log(fraction(a, x))));
}

/** ln of the regularised upper incomplete gamma function Q(a, x) = 1 − P(a, x), a > 0, x ≥ 0. */
export function lnGammaQ(a: number, x: number): number {
  if (x <= 0) return 0;
  if (x < a + 1) return Math.log1p(-Math.exp(lnFront(a, x) + Math.log(series(a, x))));
  return lnFront(a, x) + Math.log(fraction(a, x));
}

import { betaP } from '../special/incomplete-beta.ts';
import { lnBeta, lnGamma } from '../special/ln-gamma.ts';

/** ln E of x experiment and y control events against experiment share theta0 with a Beta(a, b) mixture (F1; Lindon & Malek 2022). The share must be constant. */
export function logBetaBinomialE(x: number, y: number, theta0: number, a: number, b: number): number {
  return lnBeta(a + x, b + y) - lnBeta(a, b) - x * Math.log(theta0) - y * Math.log1p(-theta0);
}

/** The same with the prior restricted to theta > theta0: tests for more only (F2). */
export function logBetaBinomialOneSidedE(x: number, y: number, theta0: number, a: number, b: number): number {
  // The upper tail of Beta(p, q) beyond theta0 is the lower tail of Beta(q, p) below 1 − theta0.
  const tail = (p: number, q: number): number => Math.log(betaP(q, p, 1 - theta0));
  return logBetaBinomialE(x, y, theta0, a, b) + tail(a + x, b + y) - tail(a, b);
}

/** The anytime-valid p after each event (1 = experiment): the running minimum of min(1, 1/E). */
export function runningP(events: readonly number[], theta0: number, a: number, b: number): number[] {
  let x = 0;
  let p = 1;
  return events.map((isExperiment, i) => {
    x += isExperiment;
    p = Math.min(p, Math.exp(-logBetaBinomialE(x, i + 1 - x, theta0, a, b)));
    return p;
  });
}

/** ln of the Dirichlet-multinomial probability of the counts, the multinomial coefficient included. */
export function logDirichletMultinomial(counts: readonly number[], alpha: readonly number[]): number {
  const n = counts.reduce((sum, count) => sum + count, 0);
  const total = alpha.reduce((sum, a) => sum + a, 0);
  let result = lnGamma(n + 1) + lnGamma(total) - lnGamma(total + n);
  counts.forEach((count, i) => {
    const a = alpha[i] as number;
    result += lnGamma(a + count) - lnGamma(a) - lnGamma(count + 1);
  });
  return result;
}

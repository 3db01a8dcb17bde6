import { findRoot } from '../special/find-root.ts';
import { lnGamma } from '../special/ln-gamma.ts';

/** ln e of N events against a cumulative intensity Lambda with a gamma(phi, phi) mixture (F9; Lindon & Kallus 2024). */
export function logGammaPoissonE(n: number, phi: number, intensity: number): number {
  return phi * Math.log(phi) - (phi + n) * Math.log(phi + intensity) + lnGamma(phi + n) - lnGamma(phi) + intensity;
}

/** The time-uniform interval for the cumulative intensity: where ln e < ln(1/alpha). */
export function gammaPoissonInterval(n: number, phi: number, alpha: number): readonly [number, number] {
  const goal = Math.log(1 / alpha);
  const over = (intensity: number): number => logGammaPoissonE(n, phi, intensity) - goal;
  let top = n + 1;
  while (over(top) < 0) top *= 2;
  return [n > 0 && over(0) > 0 ? findRoot(over, 0, n) : 0, findRoot(over, n, top)];
}

/** ln p of two counts with equal exposure having one intensity; may be above 0. */
export function gammaPoissonTwoSampleLogP(na: number, nb: number, phi: number): number {
  const intensity = (na + nb) / 2;
  return -(logGammaPoissonE(na, phi, intensity) + logGammaPoissonE(nb, phi, intensity));
}

/**
 * The range of L_e − r·L_c over the joint region F9(N_e, L_e) + F9(N_c, L_c) ≤ ln(1/alpha). Both terms are convex, so the
 * extremes lie where the gradients are parallel: one number t to search for. F30 is 0.7 to 1.1 times as wide and simpler; prefer it.
 */
export function jointExcessInterval(
  ne: number,
  nc: number,
  r: number,
  phi: number,
  alpha: number,
): { readonly lower: number; readonly upper: number } {
  const goal = Math.log(1 / alpha);
  const at = (slope: number, n: number): number => Math.max(0, (phi + n) / (1 - slope) - phi);
  const extreme = (sign: 1 | -1): number => {
    const point = (t: number): readonly [number, number] => [at(sign * t, ne), at(-sign * r * t, nc)];
    const over = (t: number): number => {
      const [le, lc] = point(t);
      return logGammaPoissonE(ne, phi, le) + logGammaPoissonE(nc, phi, lc) - goal;
    };
    const most = sign === 1 ? 1 : 1 / r;
    let gap = 0.5;
    while (over(most * (1 - gap)) < 0) gap /= 2;
    const [le, lc] = point(findRoot(over, 0, most * (1 - gap)));
    return le - r * lc;
  };
  return { lower: extreme(-1), upper: extreme(1) };
}

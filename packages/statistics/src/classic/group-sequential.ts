import { findRoot } from '../special/find-root.ts';
import { normalDensity, normalQuantileUpper, normalTail } from '../special/normal.ts';

/** Nodes and weights of Gauss-Legendre quadrature on [−1, 1], by Newton's method on the Legendre polynomial. */
function gaussLegendre(n: number): { readonly nodes: Float64Array; readonly weights: Float64Array } {
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let pass = 0; pass < 100; pass++) {
      let previous = 1;
      let value = x;
      for (let k = 2; k <= n; k++) [previous, value] = [value, ((2 * k - 1) * x * value - (k - 1) * previous) / k];
      slope = (n * (x * value - previous)) / (x * x - 1);
      const step = value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    nodes[i] = x;
    weights[i] = 2 / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}

const quadrature = gaussLegendre(96);

/** The law of a standard Brownian motion on [−b, b] among paths that have not crossed yet, on quadrature points. */
type Survivors = { readonly at: Float64Array; readonly mass: Float64Array; readonly time: number };

/** Chance of crossing ±b (in units of S) at time t, not before. */
function crossing(survivors: Survivors | null, t: number, b: number): number {
  if (survivors === null) return 2 * normalTail(b / Math.sqrt(t));
  const sd = Math.sqrt(t - survivors.time);
  let sum = 0;
  survivors.at.forEach((u, i) => {
    sum += (survivors.mass[i] as number) * (normalTail((b - u) / sd) + normalTail((b + u) / sd));
  });
  return sum;
}

function survive(survivors: Survivors | null, t: number, b: number): Survivors {
  const at = quadrature.nodes.map((x) => x * b);
  const mass = at.map((s, i) => {
    const weight = b * (quadrature.weights[i] as number);
    if (survivors === null) return (weight * normalDensity(s / Math.sqrt(t))) / Math.sqrt(t);
    const sd = Math.sqrt(t - survivors.time);
    let density = 0;
    survivors.at.forEach((u, j) => {
      density += (survivors.mass[j] as number) * normalDensity((s - u) / sd);
    });
    return (weight * density) / sd;
  });
  return { at, mass, time: t };
}

/** O'Brien and Fleming's bounds z_k = C·sqrt(K/k) for K equally spaced looks (F17). Valid at these looks only. */
export function obrienFlemingBounds(looks: number, alphaTwoSided: number): readonly number[] {
  const spent = (c: number): number => {
    let survivors: Survivors | null = null;
    let sum = 0;
    const b = c * Math.sqrt(looks);
    for (let k = 1; k <= looks; k++) {
      sum += crossing(survivors, k, b);
      if (k < looks) survivors = survive(survivors, k, b);
    }
    return sum;
  };
  const single = normalQuantileUpper(alphaTwoSided / 2);
  const c = looks === 1 ? single : findRoot((x) => Math.log(spent(x) / alphaTwoSided), single, single + 2);
  return Array.from({ length: looks }, (_, i) => c * Math.sqrt(looks / (i + 1)));
}

/** Lan and DeMets' bounds with O'Brien-Fleming-like spending 4 − 4Φ(z_(α/4)/√t) at the information fractions `info` (F17). */
export function lanDeMetsBounds(info: readonly number[], alphaTwoSided: number): readonly number[] {
  const z = normalQuantileUpper(alphaTwoSided / 4);
  // Tails, not 1 − Φ: what is spent at early looks is far below the rounding error of 1.
  const spend = (t: number): number => (t > 0 ? 4 * normalTail(z / Math.sqrt(t)) : 0);
  let survivors: Survivors | null = null;
  let before = 0;
  return info.map((t, i) => {
    if (!(t > before && t <= 1)) throw new RangeError(`info[${i}] is ${t}; give rising information fractions up to 1`);
    const budget = spend(t) - spend(before);
    const known = survivors;
    const b = findRoot((x) => Math.log(crossing(known, t, x) / budget), 0.01 * Math.sqrt(t), 37 * Math.sqrt(t));
    survivors = survive(known, t, b);
    before = t;
    return b / Math.sqrt(t);
  });
}

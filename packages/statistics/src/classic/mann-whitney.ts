import { medianSorted } from 'simple-statistics';
import { normalQuantileUpper, normalTail } from '../special/normal.ts';

/** Mid-ranks of the values, from 1, and Σ(t³ − t) over groups of ties. */
function midRanks(values: readonly number[]): { readonly ranks: readonly number[]; readonly ties: number } {
  const order = values.map((_, i) => i).sort((i, j) => (values[i] as number) - (values[j] as number));
  const ranks = new Array<number>(values.length).fill(0);
  let ties = 0;
  for (let i = 0; i < order.length; ) {
    let j = i;
    while (j + 1 < order.length && values[order[j + 1] as number] === values[order[i] as number]) j++;
    for (let k = i; k <= j; k++) ranks[order[k] as number] = (i + j) / 2 + 1;
    const group = j - i + 1;
    ties += group ** 3 - group;
    i = j + 1;
  }
  return { ranks, ties };
}

function centred(x: readonly number[], y: readonly number[]): { readonly u: number; readonly dz: number; readonly sigma: number } {
  const m = x.length;
  const n = y.length;
  const { ranks, ties } = midRanks([...x, ...y]);
  const u = ranks.slice(0, m).reduce((sum, rank) => sum + rank, 0) - (m * (m + 1)) / 2;
  return { u, dz: u - (m * n) / 2, sigma: Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1)))) };
}

/** How many of the C(m+n, m) orders give each U = 0..mn, as probabilities. */
function nullLawOfU(m: number, n: number): Float64Array {
  // Coefficients of the Gaussian binomial: multiply by (1 − q^(n+i)), divide by (1 − q^i).
  const size = m * n + 1;
  const counts = new Float64Array(size);
  counts[0] = 1;
  for (let i = 1; i <= m; i++) {
    for (let u = size - 1; u >= n + i; u--) counts[u] = (counts[u] as number) - (counts[u - n - i] as number);
    for (let u = i; u < size; u++) counts[u] = (counts[u] as number) + (counts[u - i] as number);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / total);
}

/** Mann-Whitney's U of x over y (ties count half) with its p-values by the normal approximation, tie-corrected, continuity 0.5. */
export function mannWhitney(
  x: readonly number[],
  y: readonly number[],
): { readonly u: number; readonly pGreater: number; readonly pTwo: number } {
  const { u, dz, sigma } = centred(x, y);
  return { u, pGreater: normalTail((dz - 0.5) / sigma), pTwo: Math.min(1, 2 * normalTail((Math.abs(dz) - 0.5) / sigma)) };
}

/** The exact p-values of U, for samples without ties. */
export function mannWhitneyExact(
  x: readonly number[],
  y: readonly number[],
): { readonly u: number; readonly pGreater: number; readonly pTwo: number } {
  const { u } = centred(x, y);
  const law = nullLawOfU(x.length, y.length);
  const above = law.slice(Math.ceil(u)).reduce((sum, p) => sum + p, 0);
  const below = law.slice(0, Math.floor(u) + 1).reduce((sum, p) => sum + p, 0);
  return { u, pGreater: above, pTwo: Math.min(1, 2 * Math.min(above, below)) };
}

/** z of x shifted by −mu against y, continuity- and tie-corrected (F14): what Kayenta's judge inverts. Throws when all values are tied. */
export function wilcoxonZ(x: readonly number[], y: readonly number[], mu: number): number {
  const { dz, sigma } = centred(
    x.map((value) => value - mu),
    y,
  );
  if (sigma === 0) throw new RangeError('wilcoxonZ: all observations are tied; there is nothing to compare');
  return (dz - 0.5 * Math.sign(dz)) / sigma;
}

export type HodgesLehmann = { readonly estimate: number; readonly lower: number; readonly upper: number; readonly rank: number };

/** The Hodges-Lehmann shift of x over y, the median of all differences, with the exact interval at level 1 − alpha (F15). */
export function hodgesLehmann(x: readonly number[], y: readonly number[], alpha: number): HodgesLehmann {
  const differences = x.flatMap((a) => y.map((b) => a - b)).sort((a, b) => a - b);
  const law = nullLawOfU(x.length, y.length);
  let rank = 0;
  let below = law[0] as number;
  while (below < alpha / 2) below += law[++rank] as number;
  rank = Math.max(1, rank);
  return {
    estimate: medianSorted(differences),
    lower: differences[rank - 1] as number,
    upper: differences[differences.length - rank] as number,
    rank,
  };
}

/** The step p/q, p at least 0, to where a line (or a parabola, when three points are known) through the points is zero. */
function interpolation(a: number, b: number, c: number, fa: number, fb: number, fc: number): { readonly p: number; readonly q: number } {
  const width = c - b;
  const s = fb / fa;
  let p = width * s;
  let q = 1 - s;
  if (a !== c) {
    const r = fb / fc;
    const u = fa / fc;
    p = s * (width * u * (u - r) - (b - a) * (r - 1));
    q = (u - 1) * (r - 1) * (s - 1);
  }
  return p > 0 ? { p, q: -q } : { p: -p, q };
}

/** Brent's root search to an absolute tolerance, ending where it stands inside a jump: z is a step function of mu. */
function brent(f: (x: number) => number, low: number, high: number, tolerance: number): number {
  let a = low;
  let b = high;
  let fa = f(a);
  let fb = f(b);
  let c = a;
  let fc = fa;
  for (let i = 0; i < 1000; i++) {
    const previous = b - a;
    if (Math.abs(fc) < Math.abs(fb)) {
      [a, b, c] = [b, c, b];
      [fa, fb, fc] = [fb, fc, fb];
    }
    const enough = 2 * Number.EPSILON * Math.abs(b) + tolerance / 2;
    let step = (c - b) / 2;
    if (Math.abs(step) <= enough || fb === 0) return b;
    if (Math.abs(previous) >= enough && Math.abs(fa) > Math.abs(fb)) {
      const width = c - b;
      const { p, q } = interpolation(a, b, c, fa, fb, fc);
      if (p < 0.75 * width * q - Math.abs(enough * q) / 2 && p < Math.abs((previous * q) / 2)) step = p / q;
    }
    if (Math.abs(step) < enough) step = enough * Math.sign(step);
    a = b;
    fa = fb;
    b += step;
    fb = f(b);
    if (fb > 0 === fc > 0 && fb !== 0) {
      c = a;
      fc = fa;
    }
  }
  return b;
}

/** The interval and estimate as Kayenta's judge computes them: inversion of the normal approximation, tolerance 1e-4. For comparison only. */
export function kayentaInterval(
  experiment: readonly number[],
  control: readonly number[],
  confidence: number,
): Omit<HodgesLehmann, 'rank'> {
  const low = Math.min(...experiment) - Math.max(...control);
  const high = Math.max(...experiment) - Math.min(...control);
  const root = (z: number): number => {
    const f = (mu: number): number => wilcoxonZ(experiment, control, mu) - z;
    if (f(low) <= 0) return low;
    if (f(high) >= 0) return high;
    return brent(f, low, high, 1e-4);
  };
  const z = normalQuantileUpper((1 - confidence) / 2);
  return { lower: root(z), upper: root(-z), estimate: root(0) };
}

import { deviance } from '../special/deviance.ts';
import { lnGamma, stirlingError } from '../special/ln-gamma.ts';

/**
 * The law of x_e, the experiment's failures in one block, given everything that is known without looking at who failed:
 * an exponential family with weights c_j over j = 0..span (j counts from the smallest possible x_e), tilted by psi^j.
 */
export type BlockLaw = {
  /** x_e minus the smallest possible x_e. */
  readonly x: number;
  /** Largest minus smallest possible x_e. */
  readonly span: number;
  /** c_(j+1) / c_j, for 0 ≤ j < span; falls in j. */
  ratio(j: number): number;
  /**
   * ln P_psi(x_e) up to a constant that is the same for every psi; differences are log likelihood ratios. `logPsi` is ln psi, for
   * callers that keep it.
   */
  logLikelihood(psi: number, logPsi?: number): number;
  /** The same for many psi at once. */
  logLikelihoods(psis: readonly number[], logPsis: readonly number[]): number[];
};

/** One by one: for the laws that gain nothing from doing many at once. */
function oneByOne(law: Pick<BlockLaw, 'logLikelihood'>, psis: readonly number[], logPsis: readonly number[]): number[] {
  const result: number[] = [];
  for (let k = 0; k < psis.length; k++) result.push(law.logLikelihood(psis[k] as number, logPsis[k] as number));
  return result;
}

const halfLog2Pi = 0.9189385332046727;
/** Above this many possible values the sum runs over a window round the tilted mode instead of all of them. */
const widestFullSum = 512;

/** ln of the binomial probability of k in n at p, by Loader's saddle point: full accuracy where ln Γ would cancel. */
function logBinomial(k: number, n: number, p: number): number {
  if (k === 0) return n * Math.log1p(-p);
  if (k === n) return n * Math.log(p);
  return (
    correction(n) -
    correction(k) -
    correction(n - k) -
    deviance(k, n * p) -
    deviance(n - k, n * (1 - p)) +
    0.5 * Math.log(n / (k * (n - k))) -
    halfLog2Pi
  );
}

function correction(n: number): number {
  return n >= 12 ? stirlingError(n) : lnGamma(n + 1) - (n + 0.5) * Math.log(n) + n - halfLog2Pi;
}

const rescaleAt = 1e200;
const lnRescale = Math.log(rescaleAt);

/** ln Σ_j c_j psi^j with c_0 = 1, all terms. */
function logFullSum(ratios: readonly number[], psi: number): number {
  let term = 1;
  let sum = 1;
  let scale = 0;
  for (let j = 0; j < ratios.length; j++) {
    term *= (ratios[j] as number) * psi;
    sum += term;
    if (sum > rescaleAt) {
      sum /= rescaleAt;
      term /= rescaleAt;
      scale += lnRescale;
    }
  }
  return scale + Math.log(sum);
}

/** Σ_j c_j psi^j with c_0 = 1 for four values of psi at once: the chains of products do not wait for each other. No overflow guard. */
function addFourSums(ratios: readonly number[], psis: readonly number[], from: number, sums: number[]): void {
  const p0 = psis[from] as number;
  const p1 = psis[from + 1] as number;
  const p2 = psis[from + 2] as number;
  const p3 = psis[from + 3] as number;
  let [t0, t1, t2, t3] = [1, 1, 1, 1];
  let [s0, s1, s2, s3] = [1, 1, 1, 1];
  for (let j = 0; j < ratios.length; j++) {
    const ratio = ratios[j] as number;
    t0 *= ratio * p0;
    t1 *= ratio * p1;
    t2 *= ratio * p2;
    t3 *= ratio * p3;
    s0 += t0;
    s1 += t1;
    s2 += t2;
    s3 += t3;
  }
  sums.push(s0, s1, s2, s3);
}

/** Fisher's law with few enough values to sum them all. A class, so that a block costs one small object and no closures. */
class NarrowLaw implements BlockLaw {
  readonly x: number;
  readonly span: number;
  readonly ratios: readonly number[];

  constructor(x: number, ratios: readonly number[]) {
    this.x = x;
    this.span = ratios.length;
    this.ratios = ratios;
  }

  ratio(j: number): number {
    return this.ratios[j] as number;
  }

  logLikelihood(psi: number, logPsi: number = Math.log(psi)): number {
    return this.x * logPsi - logFullSum(this.ratios, psi);
  }

  logLikelihoods(psis: readonly number[], logPsis: readonly number[]): number[] {
    if (!staysSmall(this.ratios, psis)) return oneByOne(this, psis, logPsis);
    const sums: number[] = [];
    let k = 0;
    for (; k + 4 <= psis.length; k += 4) addFourSums(this.ratios, psis, k, sums);
    for (let i = 0; i < k; i++) sums[i] = this.x * (logPsis[i] as number) - Math.log(sums[i] as number);
    for (; k < psis.length; k++) sums.push(this.logLikelihood(psis[k] as number, logPsis[k] as number));
    return sums;
  }
}

/** True when the sums of all these psi stay below where they would have to be scaled down. */
function staysSmall(ratios: readonly number[], psis: readonly number[]): boolean {
  let largest = 0;
  for (let k = 0; k < psis.length; k++) if ((psis[k] as number) > largest) largest = psis[k] as number;
  let term = 1;
  let sum = 1;
  for (let j = 0; j < ratios.length; j++) {
    term *= (ratios[j] as number) * largest;
    sum += term;
  }
  return sum <= rescaleAt;
}

/** Σ_j c_j psi^j / (c_mode psi^mode), summed outwards from the mode until the terms no longer count. */
function windowSum(ratio: (j: number) => number, span: number, mode: number, psi: number): number {
  let sum = 1;
  let term = 1;
  for (let j = mode; j < span; j++) {
    term *= ratio(j) * psi;
    sum += term;
    if (term < sum * 1e-18) break;
  }
  term = 1;
  for (let j = mode - 1; j >= 0; j--) {
    term /= ratio(j) * psi;
    sum += term;
    if (term < sum * 1e-18) break;
  }
  return sum;
}

/** The smallest j with ratio(j)·psi < 1: where the tilted terms stop growing. */
function tiltedMode(ratio: (j: number) => number, span: number, psi: number): number {
  let low = 0;
  let high = span;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (ratio(middle) * psi < 1) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Fisher's non-central hypergeometric law (F4): x_e of m failures given both denominators. Exact for any common failure
 * rate, any arrivals and any allocation. Null when the block says nothing (no failures, all failures, an empty arm).
 */
export function failuresGivenRequests(xe: number, ne: number, xc: number, nc: number): BlockLaw | null {
  const m = xe + xc;
  const low = Math.max(0, m - nc);
  const span = Math.min(m, ne) - low;
  if (span <= 0) return null;
  const x = xe - low;
  const a = ne - low;
  const b = m - low;
  const c = nc - m + low + 1;
  if (span <= widestFullSum) {
    const ratios: number[] = [];
    for (let j = 0; j < span; j++) ratios.push(((a - j) * (b - j)) / ((low + j + 1) * (c + j)));
    return new NarrowLaw(x, ratios);
  }
  const ratio = (j: number): number => ((a - j) * (b - j)) / ((low + j + 1) * (c + j));
  const p = m / (ne + nc);
  const logWeight = (j: number): number => logBinomial(low + j, ne, p) + logBinomial(m - low - j, nc, p);
  const here = logWeight(x);
  const law: Pick<BlockLaw, 'logLikelihood'> = {
    logLikelihood: (psi, logPsi = Math.log(psi)) => {
      const mode = tiltedMode(ratio, span, psi);
      return here - logWeight(mode) + (x - mode) * logPsi - Math.log(windowSum(ratio, span, mode, psi));
    },
  };
  return { ...law, x, span, ratio, logLikelihoods: (psis, logPsis) => oneByOne(law, psis, logPsis) };
}

class ShareLaw implements BlockLaw {
  readonly x: number;
  readonly span: number;
  readonly odds: number;

  constructor(x: number, span: number, odds: number) {
    this.x = x;
    this.span = span;
    this.odds = odds;
  }

  ratio(j: number): number {
    return ((this.span - j) / (j + 1)) * this.odds;
  }

  logLikelihood(psi: number, logPsi: number = Math.log(psi)): number {
    return this.x * logPsi - this.span * Math.log1p(this.odds * psi);
  }

  logLikelihoods(psis: readonly number[], logPsis: readonly number[]): number[] {
    return oneByOne(this, psis, logPsis);
  }
}

/**
 * The binomial law (F7): x_e of m events when the experiment gets the known share `shareE` of what could have one.
 * Exact for Poisson counts, conservative for Bernoulli ones. Null when the block says nothing.
 */
export function eventsGivenShare(xe: number, xc: number, shareE: number): BlockLaw | null {
  const m = xe + xc;
  if (m === 0 || shareE <= 0 || shareE >= 1) return null;
  return new ShareLaw(xe, m, shareE / (1 - shareE));
}

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
  /** ln P_psi(x_e) up to a constant that is the same for every psi; differences are log likelihood ratios. */
  logLikelihood(psi: number): number;
};

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
function logFullSum(ratios: ArrayLike<number>, psi: number): number {
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
  const ratio = (j: number): number => ((a - j) * (b - j)) / ((low + j + 1) * (c + j));
  if (span <= widestFullSum) {
    const ratios = new Float64Array(span);
    for (let j = 0; j < span; j++) ratios[j] = ratio(j);
    return { x, span, ratio, logLikelihood: (psi) => x * Math.log(psi) - logFullSum(ratios, psi) };
  }
  const p = m / (ne + nc);
  const logWeight = (j: number): number => logBinomial(low + j, ne, p) + logBinomial(m - low - j, nc, p);
  const here = logWeight(x);
  return {
    x,
    span,
    ratio,
    logLikelihood: (psi) => {
      const mode = tiltedMode(ratio, span, psi);
      return here - logWeight(mode) + (x - mode) * Math.log(psi) - Math.log(windowSum(ratio, span, mode, psi));
    },
  };
}

/**
 * The binomial law (F7): x_e of m events when the experiment gets the known share `shareE` of what could have one.
 * Exact for Poisson counts, conservative for Bernoulli ones. Null when the block says nothing.
 */
export function eventsGivenShare(xe: number, xc: number, shareE: number): BlockLaw | null {
  const m = xe + xc;
  if (m === 0 || shareE <= 0 || shareE >= 1) return null;
  const odds = shareE / (1 - shareE);
  return {
    x: xe,
    span: m,
    ratio: (j) => ((m - j) / (j + 1)) * odds,
    logLikelihood: (psi) => xe * Math.log(psi) - m * Math.log1p(odds * psi),
  };
}

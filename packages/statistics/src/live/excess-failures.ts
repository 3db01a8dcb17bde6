import { gammaExponentialBound } from '../boundary/gamma-exponential-mixture.ts';
import { type ArmCounts, checkArms, checkCount } from './arm-counts.ts';

/** How many more failures the experiment had than control's rate explains, with one-sided bounds, each true at all times with chance 1 − alpha. */
export type ExcessFailures = {
  readonly excess: number;
  /** Observed intrinsic time V = Σ x_e + r² x_c. */
  readonly variance: number;
  readonly low: number;
  readonly high: number;
};

export type ExcessOptions = {
  readonly alpha: number;
  /** V at which the bounds are tightest; default 20. */
  readonly vOpt?: number;
};

function bounds(excess: number, variance: number, scale: number, { alpha, vOpt = 20 }: ExcessOptions): ExcessFailures {
  if (!(alpha > 0 && alpha < 0.5)) throw new RangeError(`alpha is ${alpha}; give a probability above 0 and below 0.5`);
  if (!(vOpt > 0)) throw new RangeError(`vOpt is ${vOpt}; give the number of failures at which the bounds should be tightest (20)`);
  const below = scale > 0 ? gammaExponentialBound(variance, alpha, vOpt, scale) : 0;
  return { excess, variance, low: excess - below, high: excess + gammaExponentialBound(variance, alpha, vOpt, 1) };
}

/**
 * Excess failures D = x_e − r·x_c (F30), r = n_e/n_c, with time-uniform, non-asymptotic bounds that hold for Poisson and for
 * Bernoulli failures: the errors below are sub-exponential with scale r, those above with scale 1, both at the observed V.
 */
export function excessFailures(xe: number, xc: number, r: number, options: ExcessOptions): ExcessFailures {
  checkCount('xe', xe);
  checkCount('xc', xc);
  if (!(r > 0 && Number.isFinite(r))) throw new RangeError(`r is ${r}; give n_e/n_c, a positive number`);
  return bounds(xe - r * xc, xe + r * r * xc, r, options);
}

/** The running version over blocks, each with its own ratio: plain JSON. */
export type ExcessState = {
  /** Fixed ratio n_e/n_c by design; null takes each block's own. */
  readonly ratio: number | null;
  readonly excess: number;
  readonly variance: number;
  /** Largest ratio so far. */
  readonly scale: number;
  /** Requests of the experiment in the blocks that could be compared. */
  readonly requests: number;
  /** Blocks left out because control had no requests. */
  readonly skipped: number;
};

/** A fresh state. `ratio` is the design's n_e/n_c when arms are randomised at a fixed split; left out, each block's own counts give it. */
export function beginExcess(ratio: number | null = null): ExcessState {
  if (ratio !== null && !(ratio > 0)) throw new RangeError(`ratio is ${ratio}; give n_e/n_c, a positive number, or null`);
  return { ratio, excess: 0, variance: 0, scale: ratio ?? 0, requests: 0, skipped: 0 };
}

/** One closed block further. A block without control requests compares nothing and is counted as skipped. */
export function stepExcess(state: ExcessState, block: ArmCounts): ExcessState {
  checkArms(block);
  const { xe, ne, xc, nc } = block;
  if (ne === 0 && nc === 0) return state;
  if (nc === 0 && state.ratio === null) return { ...state, skipped: state.skipped + 1 };
  const r = state.ratio ?? ne / nc;
  return {
    ...state,
    excess: state.excess + xe - r * xc,
    variance: state.variance + xe + r * r * xc,
    scale: Math.max(state.scale, r),
    requests: state.requests + ne,
  };
}

/** The bounds as they stand (F30 over blocks, scale = the largest ratio). */
export function excessBounds(state: ExcessState, options: ExcessOptions): ExcessFailures {
  return bounds(state.excess, state.variance, state.scale, options);
}

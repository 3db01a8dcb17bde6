import type { BlockLaw } from './block-law.ts';
import { logBoosted } from './boost.ts';
import { gridPoints, logGridPoints } from './odds-ratio-grid.ts';

/**
 * When the harm may begin: weight `first` on the first block, the rest spread evenly over blocks 2..horizon. A harm that
 * begins late is then found nearly as fast as one that is there from the start. `first: 1` looks for an immediate one only.
 */
export type Onset = { readonly first: number; readonly horizon: number };

/**
 * The state of a sequential test: plain JSON, of constant size. It is an e-process: with no harm beyond `psi0` the chance
 * that E ever reaches 1/alpha is at most alpha, however often one looks.
 */
export type MixtureTest = {
  readonly alpha: number;
  /** The odds ratio that is tolerated; harm is tested against it. */
  readonly psi0: number;
  /** `fewer` tests whether the experiment has provably fewer; all numbers are then of the swapped arms. */
  readonly direction: 'more' | 'fewer';
  readonly psis: readonly number[];
  readonly weights: readonly number[];
  readonly onset: Onset;
  readonly blocks: number;
  /** Weight of onsets that are still to come. */
  readonly cash: number;
  /** ln of the wealth on each alternative. */
  readonly logS: readonly number[];
  readonly logE: number;
  readonly maxLogE: number;
  /** ln of the boosted wealth, which exists to cross 1/alpha and stays there; null when not asked for. */
  readonly boostedLogW: number | null;
  /** ln likelihood on the grid of the odds-ratio interval, experiment over control whatever the direction; null when not asked for. */
  readonly logGrid: readonly number[] | null;
};

/** The 8-point grid of alternatives, as multiples of psi0, each with weight 1/8. */
export const alternativeGrid: readonly number[] = [1.25, 1.5, 2, 3, 5, 10, 25, 80];

export type MixtureOptions = {
  /** Chance of a false alarm over the whole run. */
  readonly alpha: number;
  /** Tolerated odds ratio; default 1. */
  readonly psi0?: number;
  /** Default: an immediate onset only. */
  readonly onset?: Onset;
  /** Keeps boosted wealth beside the plain E, which crosses earlier at this alpha; default false. */
  readonly boosted?: boolean;
  readonly direction?: 'more' | 'fewer';
  /** Keeps what `oddsRatioInterval` needs (33 numbers more, four times the work); default true. */
  readonly interval?: boolean;
  /** Alternatives and their weights in place of the 8-point grid; all on one side of psi0. */
  readonly alternatives?: { readonly psis: readonly number[]; readonly weights: readonly number[] };
};

/** A fresh test. Throws RangeError when alpha, psi0 or the onset are not usable. */
export function beginMixture(options: MixtureOptions): MixtureTest {
  const { alpha, psi0 = 1, onset = { first: 1, horizon: 1 }, boosted = false, direction = 'more', interval = true } = options;
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha is ${alpha}; give a probability strictly between 0 and 1`);
  if (!(psi0 > 0 && psi0 < Number.POSITIVE_INFINITY))
    throw new RangeError(`psi0 is ${psi0}; give the tolerated odds ratio, a positive number (1 tolerates nothing)`);
  if (!(onset.first > 0 && onset.first <= 1)) throw new RangeError(`onset.first is ${onset.first}; give a weight above 0 and at most 1`);
  if (!(onset.horizon >= 1)) throw new RangeError(`onset.horizon is ${onset.horizon}; give the planned number of blocks, at least 1`);
  const psis = options.alternatives?.psis ?? alternativeGrid.map((g) => g * psi0);
  const weights = options.alternatives?.weights ?? psis.map(() => 1 / psis.length);
  if (psis.length === 0 || psis.length !== weights.length)
    throw new RangeError(`alternatives: ${psis.length} psis and ${weights.length} weights; give one weight for each`);
  if (!psis.every((psi) => psi > psi0) && !psis.every((psi) => psi > 0 && psi < psi0)) {
    throw new RangeError(`alternatives.psis [${psis.join(', ')}] must all lie above psi0=${psi0}, or all between 0 and it`);
  }
  const first = onset.horizon > 1 ? onset.first : 1;
  return {
    alpha,
    psi0,
    direction,
    psis,
    weights,
    onset,
    blocks: 0,
    cash: 1 - first,
    // The first onset's weight is placed now; E is 1 either way.
    logS: weights.map((w) => Math.log(w * first)),
    logE: 0,
    maxLogE: 0,
    boostedLogW: boosted ? 0 : null,
    logGrid: interval ? gridPoints.map(() => 0) : null,
  };
}

/** The weight of an onset in block t (from 1) that has not been placed yet. */
function onsetWeight(onset: Onset, t: number): number {
  return t > 1 && t <= onset.horizon && onset.horizon > 1 ? (1 - onset.first) / (onset.horizon - 1) : 0;
}

/**
 * One block further (F4-F6, F28). `law` speaks of the arm that is tested (swapped for `fewer`), `gridLaw` of the experiment
 * over control; null laws say nothing, but time goes on. A block that is missing must not be stepped at all.
 * Plain loops: the judge makes this step for each metric of each run at each second.
 */
export function stepMixture<Kind>(state: Kinded<Kind>, law: BlockLaw | null, gridLaw: BlockLaw | null): Kinded<Kind> {
  const { alpha, psi0, direction, psis, weights, onset, kind } = state;
  const t = state.blocks + 1;
  const placed = onsetWeight(onset, t);
  const cash = Math.max(0, state.cash - placed);
  const before = placed > 0 ? placeOnset(state, placed) : state.logS;
  let { logE, boostedLogW, logGrid } = state;
  let logS = before;
  if (law !== null) {
    const gains = gainsOf(law, psis, psi0);
    logS = addEach(before, gains);
    logE = logTotal(logS, cash);
    if (boostedLogW !== null) boostedLogW = boosted(state, boostedLogW, law, { before, gains, cash, logE });
    if (logGrid !== null && gridLaw !== null) logGrid = addGrid(logGrid, gridLaw);
  }
  const maxLogE = Math.max(state.maxLogE, logE);
  // Every field by name: copying the state with a spread costs as much as the mathematics.
  return { alpha, psi0, direction, psis, weights, onset, blocks: t, cash, logS, logE, maxLogE, boostedLogW, logGrid, kind };
}

/** A test with the word that tells whose it is. */
type Kinded<Kind> = MixtureTest & { readonly kind: Kind };

/** ln of each alternative's likelihood ratio against psi0. */
function gainsOf(law: BlockLaw, psis: readonly number[], psi0: number): number[] {
  const base = law.logLikelihood(psi0);
  const gains = law.logLikelihoods(psis, logsOf(psis));
  for (let k = 0; k < gains.length; k++) gains[k] = (gains[k] as number) - base;
  return gains;
}

function addEach(a: readonly number[], b: readonly number[]): number[] {
  const sums = a.slice();
  for (let k = 0; k < sums.length; k++) sums[k] = (a[k] as number) + (b[k] as number);
  return sums;
}

function logsOf(values: readonly number[]): number[] {
  const logs: number[] = [];
  for (let k = 0; k < values.length; k++) logs.push(Math.log(values[k] as number));
  return logs;
}

/** The wealth of each alternative with this block's onset weight added. */
function placeOnset({ logS, weights }: MixtureTest, placed: number): number[] {
  const next: number[] = [];
  for (let k = 0; k < logS.length; k++) next.push(logAdd(logS[k] as number, Math.log(placed * (weights[k] as number))));
  return next;
}

/** ln(Σ exp(logS) + cash), without overflow. */
function logTotal(logS: readonly number[], cash: number): number {
  const logCash = cash > 0 ? Math.log(cash) : Number.NEGATIVE_INFINITY;
  let top = logCash;
  for (let k = 0; k < logS.length; k++) if ((logS[k] as number) > top) top = logS[k] as number;
  let sum = 0;
  for (let k = 0; k < logS.length; k++) sum += Math.exp((logS[k] as number) - top);
  if (cash > 0) sum += Math.exp(logCash - top);
  return top + Math.log(sum);
}

/** What a step knows once the plain E is made: wealth before it by alternative, their gains, and what is left of the cash. */
type PlainStep = { readonly before: readonly number[]; readonly gains: readonly number[]; readonly cash: number; readonly logE: number };

function boosted(state: MixtureTest, logW: number, law: BlockLaw, { before, gains, cash, logE }: PlainStep): number {
  const goal = -Math.log(state.alpha);
  if (logW >= goal) return logW;
  const shares: number[] = [];
  const slopes: number[] = [];
  const starts: number[] = [];
  for (let k = 0; k < before.length; k++) {
    const slope = Math.log((state.psis[k] as number) / state.psi0);
    shares.push(Math.exp((before[k] as number) - state.logE));
    slopes.push(slope);
    starts.push((gains[k] as number) - law.x * slope);
  }
  const idle = cash * Math.exp(-state.logE);
  const step = logBoosted(law, state.psi0, { starts, slopes, shares, idle }, logE - state.logE, logW, goal);
  return step >= goal - logW ? goal : logW + step;
}

function addGrid(logGrid: readonly number[], law: BlockLaw): readonly number[] {
  const base = law.logLikelihood(1, 0);
  const next = law.logLikelihoods(gridPoints, logGridPoints);
  for (let i = 0; i < next.length; i++) next[i] = (logGrid[i] as number) + (next[i] as number) - base;
  return next;
}

function logAdd(a: number, b: number): number {
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}

/** True from the first block on at which E, or the boosted wealth, reached 1/alpha. */
export function crossed(state: MixtureTest): boolean {
  const goal = -Math.log(state.alpha);
  return state.maxLogE >= goal || (state.boostedLogW !== null && state.boostedLogW >= goal);
}

/** The anytime-valid p-value min(1, 1/max E), of the plain E. */
export function anytimeP(state: MixtureTest): number {
  return Math.min(1, Math.exp(-state.maxLogE));
}

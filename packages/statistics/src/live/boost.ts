import type { BlockLaw } from './block-law.ts';

/** Laws with more possible values than this are capped but not boosted: still valid, a little slower. */
const widestBoost = 512;

/**
 * Solves E_null[min(b·L(j), cap)] = 1 for b ≥ 1 (F28), L rising in j. Exact: for each number of capped values the
 * equation is linear. `pmf` is the null law over j. Infinity when everything can be capped.
 */
export function boostFactor(pmf: ArrayLike<number>, likelihoodRatio: ArrayLike<number>, cap: number): number {
  const last = pmf.length - 1;
  // meanBelow[j] = Σ of pmf·L over 0..j, kept as prefix sums because subtracting from the whole would cancel.
  const meanBelow: number[] = [];
  let mean = 0;
  for (let j = 0; j <= last; j++) meanBelow[j] = mean += (pmf[j] as number) * (likelihoodRatio[j] as number);
  let tail = 0;
  for (let j = last; j >= 0; j--) {
    // Values above j are capped, those up to j are not: b follows, and holds when b·L(j) is not above the cap.
    const b = (1 - cap * tail) / (meanBelow[j] as number);
    if (b * (likelihoodRatio[j] as number) <= cap) return b;
    tail += pmf[j] as number;
  }
  return Number.POSITIVE_INFINITY;
}

/** The null law of a block at psi0 over j = 0..span. */
export function nullLaw(law: BlockLaw, psi0: number): number[] {
  const pmf = [0];
  let top = 0;
  let logTerm = 0;
  for (let j = 0; j < law.span; j++) {
    logTerm += Math.log(law.ratio(j) * psi0);
    pmf.push(logTerm);
    if (logTerm > top) top = logTerm;
  }
  let sum = 0;
  for (let j = 0; j <= law.span; j++) sum += pmf[j] = Math.exp((pmf[j] as number) - top);
  for (let j = 0; j <= law.span; j++) pmf[j] = (pmf[j] as number) / sum;
  return pmf;
}

/** A mixture before the block: the factor of alternative k at j is exp(starts_k + j·slopes_k), with its share; the rest bets on nothing. */
export type Predictive = {
  readonly starts: readonly number[];
  readonly slopes: readonly number[];
  readonly shares: readonly number[];
  readonly idle: number;
};

/** The mixture's factor at j. */
function factorAt({ starts, slopes, shares, idle }: Predictive, j: number): number {
  let sum = idle;
  for (let k = 0; k < shares.length; k++) sum += (shares[k] as number) * Math.exp((starts[k] as number) + j * (slopes[k] as number));
  return sum;
}

/**
 * ln of the boosted factor of one block for wealth exp(logW) and goal exp(goal) (F28): min(b·L(x), cap) with
 * cap = exp(goal − logW) and b ≥ 1 such that the null expectation is exactly 1. Overshoot beyond the goal is useless to a
 * test that stops there, so it is given back as a factor on everything below.
 */
export function logBoosted(law: BlockLaw, psi0: number, predictive: Predictive, logL: number, logW: number, goal: number): number {
  const logCap = goal - logW;
  const rising = (predictive.slopes[0] as number) > 0;
  if (Math.log(factorAt(predictive, rising ? law.span : 0)) <= logCap) return logL;
  if (law.span > widestBoost) return Math.min(logL, logCap);
  const ratios: number[] = [];
  for (let j = 0; j <= law.span; j++) ratios.push(factorAt(predictive, j));
  const pmf = nullLaw(law, psi0);
  if (!rising) {
    ratios.reverse();
    pmf.reverse();
  }
  return Math.min(Math.log(Math.max(1, boostFactor(pmf, ratios, Math.exp(logCap)))) + logL, logCap);
}

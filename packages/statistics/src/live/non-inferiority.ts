import { beginProportionTest, type ProportionTest } from './proportion-test.ts';

/** Alternatives for a margin of 2; those above 1 move with the margin, on the log scale. */
const grid: readonly number[] = [0.25, 0.5, 0.7, 0.85, 1, 1.2, 1.45];
const weights: readonly number[] = [0.05, 0.05, 0.1, 0.2, 0.4, 0.1, 0.1];

export type NonInferiorityOptions = {
  /** Chance of calling a service safe that is at the margin. Not divided by the number of guardrails: all of them must pass. */
  readonly beta: number;
  /** The odds ratio that would be too much, above 1. */
  readonly psiNI: number;
};

/**
 * Begins the test that nothing is worse than the margin (3.9, F5.3): H0 is "odds ratio at least psiNI". Step it with
 * `stepProportionTest`; the service is shown to be within the margin when `crossed`. Rare failures take long: use the
 * absolute margin (`beginMargin`) as well.
 */
export function beginNonInferiority({ beta, psiNI }: NonInferiorityOptions): ProportionTest {
  if (!(psiNI > 1)) throw new RangeError(`psiNI is ${psiNI}; give the odds ratio that would be too much, above 1`);
  const stretch = Math.log(psiNI) / Math.LN2;
  const psis = grid.map((g) => (g > 1 ? g ** stretch : g));
  return beginProportionTest({ alpha: beta, psi0: psiNI, alternatives: { psis, weights }, interval: false });
}

/**
 * Whether the run can still be shown safe (3.9): false when even the best case, every remaining request growing E at
 * `bestLogGrowthPerRequest`, cannot reach 1/beta. Then stop: inconclusive.
 */
export function canStillBeShown(state: ProportionTest, remainingRequests: number, bestLogGrowthPerRequest: number): boolean {
  return remainingRequests * bestLogGrowthPerRequest >= -Math.log(state.alpha) - state.logE;
}

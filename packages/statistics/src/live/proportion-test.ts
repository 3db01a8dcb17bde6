import { type ArmCounts, checkArms } from './arm-counts.ts';
import { failuresGivenRequests } from './block-law.ts';
import { beginMixture, type MixtureOptions, type MixtureTest, stepMixture } from './mixture-test.ts';

/** A sequential test of failures among requests; see MixtureTest. */
export type ProportionTest = MixtureTest & { readonly kind: 'proportion' };

/**
 * Begins the stratified odds-ratio test (F4-F6, boosted F28): do more requests fail in the experiment than the tolerated
 * odds ratio psi0 allows? With `direction: 'fewer'`: do provably fewer? (psi0 is then the tolerated ratio of control over experiment.)
 * Exact at every look for requests that fail independently of each other within a block, whatever the common failure
 * rate does; when users fail in bursts, count distinct users with `beginCountTest` instead.
 */
export function beginProportionTest(options: MixtureOptions): ProportionTest {
  return { ...beginMixture(options), kind: 'proportion' };
}

/** One closed block further. Skip a block that is missing or incomplete; never pass zeros for it. */
export function stepProportionTest(state: ProportionTest, block: ArmCounts): ProportionTest {
  checkArms(block);
  const { xe, ne, xc, nc } = block;
  const more = failuresGivenRequests(xe, ne, xc, nc);
  const law = state.direction === 'more' ? more : failuresGivenRequests(xc, nc, xe, ne);
  return stepMixture(state, law, more);
}

/** ln of the current plain E. */
export function proportionLogE(state: ProportionTest): number {
  return state.logE;
}

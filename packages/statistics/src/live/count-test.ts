import { checkCount } from './arm-counts.ts';
import { eventsGivenShare } from './block-law.ts';
import { beginMixture, type MixtureOptions, type MixtureTest, stepMixture } from './mixture-test.ts';

/** A sequential test of counts without denominators; see MixtureTest. */
export type CountTest = MixtureTest & { readonly kind: 'count' };

/** Events of both arms in one block, and the experiment's share (0..1) of the two arms' assigned traffic, fixed before the block. */
export type EventCounts = { readonly xe: number; readonly xc: number; readonly shareE: number };

/**
 * Begins the test for counts (F7): distinct failing users, crash reports, successes per assigned user. The share may change
 * from block to block, but must be known before it. For "fewer good events" use `direction: 'fewer'`.
 */
export function beginCountTest(options: MixtureOptions): CountTest {
  return { ...beginMixture(options), kind: 'count' };
}

/** One closed block further. Skip a block that is missing or incomplete; never pass zeros for it. */
export function stepCountTest(state: CountTest, block: EventCounts): CountTest {
  const { xe, xc, shareE } = block;
  checkCount('xe', xe);
  checkCount('xc', xc);
  if (!(shareE >= 0 && shareE <= 1))
    throw new RangeError(`shareE is ${shareE}; give the experiment's share of both arms' traffic, 0 to 1 (0.5 for equal arms)`);
  const more = eventsGivenShare(xe, xc, shareE);
  const law = state.direction === 'more' ? more : eventsGivenShare(xc, xe, 1 - shareE);
  return stepMixture(state, law, more);
}

/** ln of the current plain E. */
export function countLogE(state: CountTest): number {
  return state.logE;
}

import type { Block, Interval } from '@haldane/core';
import { beginCountTest, beginProportionTest, oddsRatioInterval, stepCountTest, stepProportionTest } from '@haldane/statistics';
import { type Guardrail, harmCounts } from './harm.ts';
import { noKeys, stepKeys } from './keys.ts';
import { counts, type JudgeState } from './state.ts';

/**
 * The confidence sequence of the odds ratio of one guardrail, from the blocks that were judged. It is wanted once, at the end, so
 * it is folded then and not each second. An end that nothing bounds is null, and so is all of it when neither is bounded.
 */
export function oddsRatioOf(state: JudgeState, blocks: readonly Block[], guardrail: Guardrail, level: number): Interval | null {
  const options = { alpha: 0.05, interval: true };
  let byKeys = beginCountTest(options);
  let byRequests = beginProportionTest(options);
  const inKeys = guardrail === 'users' && state.harm.unit === 'keys';
  let keys = noKeys;
  let last: number | null = null;
  for (const block of blocks) {
    if (!counts({ lastAt: last }, block)) continue;
    last = block.at;
    if (block.phase === 'observing') {
      const { keys: distinct, requests, legitimate } = harmCounts(block, keys, state.criteria.spec);
      if (inKeys) byKeys = stepCountTest(byKeys, distinct);
      else byRequests = stepProportionTest(byRequests, guardrail === 'users' ? requests : legitimate);
    }
    keys = stepKeys(keys, block);
  }
  const { low, high } = oddsRatioInterval(inKeys ? byKeys : byRequests, level);
  return low === 0 && high === null ? null : { low, high, level };
}

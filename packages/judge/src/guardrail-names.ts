import { type Guardrail, harmThreshold, logMean, usersTest, weightsOf } from './harm.ts';
import type { JudgeState } from './state.ts';

/** A guardrail with its own e-value and the one that is left after correcting for having looked at all of them. */
export type NamedGuardrail = {
  readonly guardrail: Guardrail;
  readonly logE: number;
  readonly adjustedLogE: number;
  readonly named: boolean;
};

/**
 * e-Holm: which guardrail may be blamed by name at the level of the abort. The adjusted value of one is the smallest mean over all
 * sets that hold it; with two guardrails those are itself and both. Strongest first.
 */
export function eHolmOf(state: JudgeState): readonly NamedGuardrail[] {
  const weights = weightsOf(state.criteria);
  const goal = Math.log(harmThreshold(state.criteria));
  const all = (['users', 'synthetic-users'] as const)
    .filter((guardrail) => weights[guardrail] > 0)
    .map((guardrail) => ({ guardrail, logE: guardrail === 'users' ? usersTest(state.harm).logE : state.harm.legitimateTest.logE }));
  const together = logMean(all.map(({ logE }) => [1 / all.length, logE] as const));
  return all
    .map((one) => {
      const adjustedLogE = Math.min(one.logE, together);
      return { ...one, adjustedLogE, named: adjustedLogE >= goal };
    })
    .sort((a, b) => b.logE - a.logE);
}

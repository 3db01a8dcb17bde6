import { logEHolm } from '@haldane/statistics';
import { type Guardrail, guardrailLogE, guardrails, harmThreshold, isGuarded } from './harm.ts';
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
 * sets that hold it. Strongest first.
 */
export function eHolmOf(state: JudgeState): readonly NamedGuardrail[] {
  const { harm, criteria } = state;
  const goal = Math.log(harmThreshold(criteria));
  const all = guardrails
    .filter((guardrail) => isGuarded(harm, criteria, guardrail))
    .map((guardrail) => ({ guardrail, logE: guardrailLogE(harm, guardrail) }));
  const adjusted = logEHolm(all.map(({ logE }) => logE));
  return all
    .map((one, i) => {
      const adjustedLogE = adjusted[i] as number;
      return { ...one, adjustedLogE, named: adjustedLogE >= goal };
    })
    .sort((a, b) => b.logE - a.logE);
}

import { canStillBeShown } from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import type { ByArm } from './block-sums.ts';
import { excessOf, safetyRates, safetyTest } from './guardrails-safe.ts';
import { type Guardrail, guardrails, isGuarded, showsDifference } from './harm.ts';
import { type JudgeState, watchedSeconds } from './state.ts';

/** Earlier than this nobody gives up: what was seen says too little of what may come. */
const leastShare = 0.25;

/**
 * Why watching on could not decide anything any more: the arms were shown to differ, so "no difference" is over; the difference can no
 * longer be shown to be within the tolerance even if all goes well from now on; and evidence of harm beyond it is falling. Null while
 * there is hope. Only real users' and synthetic users' failures are looked at: slowness alone never ends a watch in vain.
 */
export function whyFutile(state: JudgeState): string | null {
  const { criteria, harm } = state;
  const watched = watchedSeconds(state);
  const left = criteria.spec.watchSeconds - watched;
  if (left <= 0 || watched < leastShare * criteria.spec.watchSeconds || harm.logE > 0) return null;
  if (!showsDifference(harm, criteria)) return null;
  const lost = guardrails.find((guardrail) => isGuarded(harm, criteria, guardrail) && !canBeSafe(state, guardrail, watched, left));
  if (lost === undefined) return null;
  return `after ${watched} s neither harm beyond the tolerance nor its absence can be expected from the ${left} s that are left: the arms differ, but within what the tolerance cannot tell`;
}

/** For the verdict of a watch that was ended early in that way; empty otherwise. */
export function futilityWords(state: JudgeState): string {
  const why = whyFutile(state);
  return why === null ? '' : `; the watch ended early, ${why}`;
}

/** The best case: from now on the experiment fails nobody, and control fails as it did. */
function canBeSafe(state: JudgeState, guardrail: Guardrail, watched: number, left: number): boolean {
  const { criteria, harm, keys } = state;
  const { failed, of } = safetyRates(harm, guardrail, keys.seen);
  const more = (count: number) => Math.ceil((count * left) / watched);
  const test = safetyTest(harm, guardrail);
  // One failure more, and it is control's: the factor of the most hopeful alternative, at equal shares.
  const growth = Math.max(...test.psis.map((psi) => Math.log((1 + test.psi0) / (1 + psi))));
  const expected = more(failed.control);
  if (canStillBeShown({ ...test, kind: 'proportion' }, expected + 3 * Math.sqrt(expected + 1), growth)) return true;
  const later: ByArm<number> = { control: of.control + more(of.control), experiment: of.experiment + more(of.experiment) };
  const best = excessOf(guardrail, { ...failed, control: failed.control + expected }, later, alphaLedger(criteria.spec.alpha).safe);
  return best.high / later.experiment < criteria.spec.tolerance.points;
}

import { timesOf } from '@haldane/core';
import { canStillBeShown, crossed, type MixtureTest } from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import type { ByArm } from './block-sums.ts';
import { excessOf, safetyRates, safetyTest } from './guardrails-safe.ts';
import { type Guardrail, guardrails, isGuarded, showsDifference } from './harm.ts';
import { type JudgeState, watchedSeconds } from './state.ts';

/** Earlier than this nobody gives up: what was seen says too little of what may come. */
const leastShare = 0.25;

/**
 * Why watching on could not decide anything any more: the arms were shown to differ, so "no difference" is over; the difference can no
 * longer be shown to be within the tolerance even if the arms were equal from now on; and there is no evidence of harm beyond it. Null
 * while there is hope.
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

/** What may still come if the arms were equal from now on, with luck of three standard deviations. */
function canBeSafe(state: JudgeState, guardrail: Guardrail, watched: number, left: number): boolean {
  const { criteria, harm, keys } = state;
  const { failed, of } = safetyRates(harm, guardrail, keys.seen);
  const more = (count: number) => Math.ceil((count * left) / watched);
  const test = safetyTest(harm, guardrail);
  const times = guardrail === 'synthetic-users' ? 1 : timesOf(criteria.spec, 'control');
  const expected = more(failed.control);
  const equally = Math.ceil(expected / times);
  const failures = expected + equally;
  const growth = bestGrowth(test, failures, 1 / (1 + times));
  if (failures > 0 && canStillBeShown({ ...test, kind: 'proportion' }, failures, growth / failures)) return true;
  if (crossed(test)) return true;
  const later: ByArm<number> = { control: of.control + more(of.control), experiment: of.experiment + more(of.experiment) };
  const lucky = Math.max(0, equally - Math.ceil(3 * Math.sqrt(failures)));
  const best = { control: failed.control + expected, experiment: failed.experiment + lucky };
  return (
    excessOf(criteria.spec, guardrail, best, later, alphaLedger(criteria.spec.alpha).safe).high / later.experiment <
    criteria.spec.tolerance.points
  );
}

/** The most that ln E grows over so many failures of arms that fail alike, each of which is the experiment's with chance `share`. */
function bestGrowth({ psis, psi0 }: MixtureTest, failures: number, share: number): number {
  return Math.max(
    ...psis.map((psi) => {
      const slope = Math.log(psi / psi0);
      const mean = share * slope + Math.log((1 - share + share * psi0) / (1 - share + share * psi));
      return failures * mean + 3 * Math.abs(slope) * Math.sqrt(share * (1 - share) * failures);
    }),
  );
}

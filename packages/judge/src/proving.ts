import type { Accept, Check, Decision } from '@haldane/core';
import { armsUnequal, controlUnhealthy } from './arms-unequal.ts';
import { contactOf } from './contact.ts';
import { breachOf } from './hostile.ts';
import { budgetSpent, dataGap } from './limits.ts';
import { spilledOver } from './spillover.ts';
import { type JudgeState, secondsSinceInjection } from './state.ts';
import { suspectedOpen } from './suspected-open.ts';
import { plural } from './words.ts';

/** A cache that ends on its last second needs a moment more to show what comes after. */
const marginSeconds = 2;
/** An act may restart both arms: control is given this long to come back. */
const restartSeconds = 15;

/** Clean refusals before real users come back. A rehearsal of a hostile request sends none. */
export function cleanNeeded(state: Pick<JudgeState, 'criteria'>): number {
  const { act, spec } = state.criteria;
  return act === 'request' && !spec.fault ? 0 : spec.probes.cleanAnswers;
}

/** Seconds after the change before real users may come back: caches could still hide an open door, but not for ever. */
export function leastProvingSeconds(state: Pick<JudgeState, 'criteria'>): number {
  const { spec, timeConstantSeconds } = state.criteria;
  if (!spec.fault || timeConstantSeconds === 0) return 0;
  return Math.min(timeConstantSeconds + marginSeconds, spec.watchSeconds / 2);
}

/** After this long without enough clean refusals the run ends: nobody real is let in on hope. */
function mostProvingSeconds(state: JudgeState): number {
  const { hostileRate } = state.criteria.spec.probes;
  return Math.max(30, 3 * leastProvingSeconds(state), hostileRate > 0 ? Math.ceil((3 * cleanNeeded(state)) / hostileRate) : 0);
}

/** Proving: only synthetic requests reach the arms. `next` lets real users come back; any accept ends the run before that. */
export function decideProving(state: JudgeState, checks: readonly Check[], accepts: readonly Accept[]): Decision {
  const { criteria } = state;
  const breach = breachOf(state.hostile, accepts);
  if (breach !== null) return { do: 'stop', reason: 'breach', why: breach.why };
  const unequal = armsUnequal(state, accepts)[0] ?? effectFailed(state, checks);
  if (unequal !== null) return { do: 'stop', reason: 'invalid-arms', why: unequal };
  const away = secondsSinceInjection(state) >= restartSeconds ? controlUnhealthy(state) : null;
  if (away !== null) return { do: 'stop', reason: 'invalid-arms', why: away };
  const spilled = spilledOver(state.spillover);
  if (spilled !== null) return { do: 'stop', reason: 'spillover', why: spilled };
  const open = suspectedOpen(state.open);
  if (open !== null) return { do: 'stop', reason: 'suspected-open', why: open };
  const spent = budgetSpent(state);
  if (spent !== null) return { do: 'stop', reason: 'budget-spent', why: spent };
  const gap = dataGap(state);
  if (gap !== null) return { do: 'stop', reason: 'metrics-unavailable', why: gap };

  const clean = state.hostile.since.experiment.denied;
  const needed = cleanNeeded(state);
  const since = secondsSinceInjection(state);
  const least = leastProvingSeconds(state);
  const effect = !criteria.spec.fault || criteria.act === 'request' || checks.some((check) => check.name === 'effect' && check.passed);
  // An arm that still starts again would fail its users for another reason than the change.
  const standing = state.health.control === 0 && state.health.experiment === 0;
  if (effect && clean >= needed && since >= least && standing) {
    return { do: 'next', why: `${clean} of ${clean} clean answers refused a forged token; ${Math.floor(since)} s since the change` };
  }
  const { sent, incidental } = state.hostile.since.experiment;
  const waits = !effect
    ? 'the effect of the change was not seen yet'
    : clean < needed
      ? `${clean} of ${needed} clean refusals${incidental > 0 ? `, ${incidental} of ${sent} forged tokens got no clear answer` : ''}`
      : since < least
        ? `${Math.ceil(least - since)} s until caches have ended`
        : 'an instance is not healthy yet';
  if (since >= mostProvingSeconds(state) && (clean < needed || !effect)) {
    return { do: 'stop', reason: 'deadline', why: `after ${Math.floor(since)} s of proving real users could not come back: ${waits}` };
  }
  // Clean answers are there, but the experiment does not stand: its users would only meet a closed port.
  if (since >= mostProvingSeconds(state)) return { do: 'next', why: `${clean} clean refusals; ${waits}, which is what users would meet` };
  return { do: 'go-on', progress: `${waits}; fault met ${plural(contactOf(state.contact, criteria), 'time')}` };
}

/** The effect probe looked and did not see the fault in the experiment alone. */
function effectFailed(state: JudgeState, checks: readonly Check[]): string | null {
  if (!state.criteria.spec.fault || state.criteria.act !== 'change') return null;
  const effect = checks.filter((check) => check.name === 'effect');
  const last = effect.at(-1);
  return last !== undefined && !last.passed ? `the effect probe did not find the fault in the experiment alone: ${last.seen}` : null;
}

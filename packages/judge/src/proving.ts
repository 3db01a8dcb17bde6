import type { Accept, Check, Decision } from '@haldane/core';
import { armsUnequal, controlUnhealthy } from './arms-unequal.ts';
import { contactOf } from './contact.ts';
import { firstStop } from './first-stop.ts';
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
  const since = secondsSinceInjection(state);
  const stop = firstStop([
    ['breach', breachOf(state.hostile, accepts)?.why ?? null],
    ['invalid-arms', armsUnequal(state, accepts)[0] ?? effectFailed(state, checks)],
    ['invalid-arms', since >= restartSeconds ? controlUnhealthy(state) : null],
    ['spillover', spilledOver(state.spillover)],
    ['suspected-open', suspectedOpen(state.open)],
    ['budget-spent', budgetSpent(state)],
    ['metrics-unavailable', dataGap(state)],
  ]);
  if (stop !== null) return stop;
  const waits = waitsFor(state, checks);
  if (waits === null) {
    return {
      do: 'next',
      why: `${state.hostile.since.experiment.denied} forged tokens were refused, none accepted; ${Math.floor(since)} s since the change`,
    };
  }
  if (since >= mostProvingSeconds(state)) {
    return { do: 'stop', reason: 'deadline', why: `after ${Math.floor(since)} s of proving real users could not come back: ${waits}` };
  }
  return { do: 'go-on', progress: `${waits}; fault met ${plural(contactOf(state.contact, state.criteria), 'time')}` };
}

/** What still keeps real users out; null when nothing does. */
function waitsFor(state: JudgeState, checks: readonly Check[]): string | null {
  const { act, spec } = state.criteria;
  if (spec.fault && act === 'change' && !checks.some((check) => check.name === 'effect' && check.passed))
    return 'the effect of the change was not seen yet';
  const { sent, denied, incidental } = state.hostile.since.experiment;
  const needed = cleanNeeded(state);
  if (denied < needed)
    return `${denied} of ${needed} clean refusals${incidental > 0 ? `, ${incidental} of ${sent} forged tokens got no clear answer` : ''}`;
  const left = leastProvingSeconds(state) - secondsSinceInjection(state);
  if (left > 0) return `${Math.ceil(left)} s until caches have ended`;
  // An arm that still starts again would fail its users for another reason than the change.
  return state.health.control > 0 || state.health.experiment > 0 ? 'an instance is not healthy yet' : null;
}

/** The effect probe looked and did not see the fault in the experiment alone. */
function effectFailed(state: JudgeState, checks: readonly Check[]): string | null {
  if (!state.criteria.spec.fault || state.criteria.act !== 'change') return null;
  const effect = checks.filter((check) => check.name === 'effect');
  const last = effect.at(-1);
  return last !== undefined && !last.passed ? `the effect probe did not find the fault in the experiment alone: ${last.seen}` : null;
}

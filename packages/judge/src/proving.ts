import type { Accept, Check, Decision, ProbeTally } from '@haldane/core';
import { armsUnequal, controlUnhealthy } from './arms-unequal.ts';
import { isUnasked, lastCheck } from './asked.ts';
import { contactOf } from './contact.ts';
import { firstStop } from './first-stop.ts';
import { breachOf } from './hostile.ts';
import { budgetSpent, dataGap } from './limits.ts';
import { spilledOver } from './spillover.ts';
import { type JudgeState, secondsSinceInjection } from './state.ts';
import { suspectedOpen } from './suspected-open.ts';
import { plural } from './words.ts';

/** How long past the time constants the fault may take to be met, or answers to become clear. */
export const graceSeconds = 30;
/** A cache that ends on its last second needs a moment more to show what comes after. */
const marginSeconds = 2;
/** An act may restart both arms: control is given this long to come back. */
const restartSeconds = 15;

/** Clean refusals before real users come back. A rehearsal of a hostile request sends none. */
export function cleanNeeded(state: Pick<JudgeState, 'criteria'>): number {
  const { act, spec } = state.criteria;
  return act === 'request' && !spec.fault ? 0 : spec.probes.cleanAnswers;
}

/** Seconds after the change before real users may come back: until then caches could still hide an open door. */
function leastProvingSeconds(state: Pick<JudgeState, 'criteria'>): number {
  const { spec, timeConstantSeconds } = state.criteria;
  return !spec.fault || timeConstantSeconds === 0 ? 0 : timeConstantSeconds + marginSeconds;
}

/**
 * After this many seconds the run ends: nobody real is let in on hope. The longest of 30 s, the time constants and 30 s more, and
 * three times what the clean refusals take when every answer is one.
 */
function mostProvingSeconds(state: Pick<JudgeState, 'criteria'>): number {
  const { spec, timeConstantSeconds } = state.criteria;
  const { hostileRate } = spec.probes;
  const constant = spec.fault ? timeConstantSeconds : 0;
  return Math.max(constant + graceSeconds, hostileRate > 0 ? Math.ceil((3 * cleanNeeded(state)) / hostileRate) : 0);
}

/** Proving: only synthetic requests reach the arms. `next` lets real users come back; any accept ends the run before that. */
export function decideProving(state: JudgeState, checks: readonly Check[], accepts: readonly Accept[]): Decision {
  const since = secondsSinceInjection(state);
  const stop = firstStop([
    ['breach', breachOf(state.hostile, accepts)?.why ?? null],
    ['invalid-arms', armsUnequal(state, accepts)[0] ?? effectFailed(state, checks)],
    ['metrics-unavailable', effectUnknown(state, checks)],
    ['invalid-arms', since >= restartSeconds ? controlUnhealthy(state) : null],
    ['spillover', spilledOver(state.spillover)],
    ['suspected-open', suspectedOpen(state.open)],
    ['budget-spent', budgetSpent(state.budget)],
    ['metrics-unavailable', dataGap(state)],
  ]);
  if (stop !== null) return stop;
  const waits = waitsFor(state, checks);
  if (waits === null) {
    return {
      do: 'next',
      why: `${refusals(state).denied} forged tokens were refused, none accepted; ${Math.floor(since)} s since the change`,
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
  // Until the fault was met, a door that it would open is still held shut by what the service remembers.
  if (spec.fault && contactOf(state.contact, state.criteria) === 0) return 'the fault was not met yet';
  const { sent, denied, incidental } = refusals(state);
  const needed = cleanNeeded(state);
  if (denied < needed)
    return `${denied} of ${needed} clean refusals${incidental > 0 ? `, ${incidental} of ${sent} forged tokens got no clear answer` : ''}`;
  const left = leastProvingSeconds(state) - secondsSinceInjection(state);
  if (left > 0) return `${Math.ceil(left)} s until caches have ended`;
  // An arm that still starts again would fail its users for another reason than the change.
  return state.health.control > 0 || state.health.experiment > 0 ? 'an instance is not healthy yet' : null;
}

/** The answers that speak for letting users in: those since the fault was met, or in a rehearsal, which meets none, all. */
function refusals({ criteria, hostile }: JudgeState): ProbeTally {
  return criteria.spec.fault ? hostile.sinceContact : hostile.since.experiment;
}

/** The effect probe looked and did not see the fault in the experiment alone. */
export function effectFailed(state: JudgeState, checks: readonly Check[]): string | null {
  if (!state.criteria.spec.fault || state.criteria.act !== 'change') return null;
  const effect = lastCheck(checks, 'effect');
  return effect !== null && !effect.passed && !isUnasked(effect)
    ? `the effect probe did not find the fault in the experiment alone: ${effect.seen}`
    : null;
}

/** The effect probe got no answer, so it says nothing about the fault. */
export function effectUnknown(state: JudgeState, checks: readonly Check[]): string | null {
  if (!state.criteria.spec.fault || state.criteria.act !== 'change') return null;
  const effect = lastCheck(checks, 'effect');
  return effect !== null && isUnasked(effect) ? `whether the fault is in the experiment alone is not known: ${effect.seen}` : null;
}

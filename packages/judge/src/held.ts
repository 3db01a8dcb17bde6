import type { Accept, Check, Marked } from '@haldane/core';
import { zeroEventsBound } from '@haldane/statistics';
import { contactOf } from './contact.ts';
import { breachOf } from './hostile.ts';
import { cleanNeeded } from './proving.ts';
import { type JudgeState, secondsSinceInjection } from './state.ts';
import { count, percent, plural } from './words.ts';

/** How sure a claim from clean answers is. */
const confidence = 0.95;

/** Upper bound (0..1) on the rate of accepts after this many clean refusals and no accept; null when that cannot be said. */
export function acceptedBelow(state: JudgeState): number | null {
  const { denied, accepted } = state.hostile.since.experiment;
  return accepted > 0 || denied === 0 ? null : zeroEventsBound(denied, 1 - confidence);
}

/** The security property: no forged token was let in. Said to hold only where the fault was met and refusals were clean. */
export function judgeHeld(state: JudgeState, accepts: readonly Accept[], checks: readonly Check[]): Marked {
  const { criteria, hostile } = state;
  const breach = breachOf(hostile, accepts);
  if (breach !== null) return { mark: 'no', why: breach.why };
  if (!criteria.spec.fault) return { mark: 'unknown', why: 'no fault was made, so nothing was put to the test' };
  const unmet = whyNotMet(state, checks);
  if (unmet !== null) return { mark: 'unknown', why: unmet };
  const { sent, denied, incidental } = hostile.sinceContact;
  const needed = cleanNeeded(state);
  if (denied < needed) {
    return {
      mark: 'unknown',
      why: `since the fault was met only ${denied} of ${needed} clean refusals were seen; ${incidental} of ${plural(sent, 'forged token')} got no clear answer`,
    };
  }
  return { mark: 'yes', why: refusalWords(state) };
}

/** "0 of 600 forged tokens accepted: below 0.5 % at 95 %". */
export function refusalWords(state: JudgeState): string {
  const { denied, leaky, incidental } = state.hostile.since.experiment;
  const below = acceptedBelow(state);
  const extra = [
    leaky > 0 ? `${count(leaky)} refusals told too much` : null,
    incidental > 0 ? `${count(incidental)} got no clear answer` : null,
  ].filter((one) => one !== null);
  if (below === null) return 'no forged token got a clean refusal';
  return `0 of ${count(denied)} forged tokens accepted: below ${percent(below)} at 95 %${extra.length > 0 ? ` (besides, ${extra.join(' and ')})` : ''}`;
}

/** Why the absence of harm would mean nothing: the fault was not met often or long enough. Null when it was. */
export function whyNotMet(state: JudgeState, checks: readonly Check[]): string | null {
  const { criteria } = state;
  const met = contactOf(state.contact, criteria);
  const needed = criteria.spec.contact;
  const unit = criteria.contactUnit === 'hostile-request' ? 'forged tokens sent' : 'calls';
  if (met === 0) return `fault never met: 0 of ${needed} ${unit} since the change`;
  if (met < needed) return `fault never met often enough: ${met} of ${needed} ${unit} since the change`;
  const effect = checks.filter((check) => check.name === 'effect').at(-1);
  if (criteria.act === 'change' && effect?.passed !== true) return 'the effect probe never saw the fault';
  const since = secondsSinceInjection(state);
  if (since < criteria.timeConstantSeconds) {
    return `the run ended ${Math.floor(since)} s after the change, before the ${criteria.timeConstantSeconds} s that caches or leeway may hide it`;
  }
  return null;
}

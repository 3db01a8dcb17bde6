import type { Accept, Decision } from '@haldane/core';
import { armsUnequal, controlUnhealthy } from './arms-unequal.ts';
import { contactOf } from './contact.ts';
import { firstStop } from './first-stop.ts';
import { whyFutile } from './futility.ts';
import { guardrailsSafe } from './guardrails-safe.ts';
import { ratesOf, weightsOf } from './harm.ts';
import { harmWords } from './harm-words.ts';
import { breachOf } from './hostile.ts';
import { budgetSpent, dataGap } from './limits.ts';
import { cleanNeeded } from './proving.ts';
import { whyWiden } from './ramp.ts';
import { spilledOver } from './spillover.ts';
import { type JudgeState, secondsSinceInjection, watchedSeconds } from './state.ts';
import { suspectedOpen } from './suspected-open.ts';
import { plural } from './words.ts';

/** Observing: real users are there. The first rule that fires stops the run; `next` is its end, early when equality was shown. */
export function decideObserving(state: JudgeState, accepts: readonly Accept[]): Decision {
  const { criteria } = state;
  const stop = firstStop([
    ['breach', breachOf(state.hostile, accepts)?.why ?? null],
    ['budget-spent', budgetSpent(state.budget)],
    ['invalid-arms', armsUnequal(state, accepts)[0] ?? controlUnhealthy(state)],
    ['spillover', spilledOver(state.spillover)],
    ['harm-proven', state.harm.provenAt === null ? null : harmWords(state)],
    ['suspected-open', suspectedOpen(state.open)],
    ['metrics-unavailable', dataGap(state)],
  ]);
  if (stop !== null) return stop;

  const { watchSeconds, fault, contact: contactNeeded } = criteria.spec;
  const watched = watchedSeconds(state);
  if (watched >= watchSeconds) return { do: 'next', why: `watched for ${watched} s` };
  const met = contactOf(state.contact, criteria);
  if (
    fault &&
    met >= contactNeeded &&
    secondsSinceInjection(state) >= criteria.timeConstantSeconds &&
    state.hostile.sinceContact.denied >= cleanNeeded(state) &&
    guardrailsSafe(state.harm, criteria, state.keys.seen)
  ) {
    return { do: 'next', why: `equal within the tolerance after ${watched} of ${watchSeconds} s` };
  }
  const futile = whyFutile(state);
  if (futile !== null) return { do: 'next', why: futile };
  const widen = whyWiden(state.ramp, criteria);
  if (widen !== null) return { do: 'widen', why: widen };
  const guardrail = weightsOf(criteria).users > 0 ? 'users' : 'synthetic-users';
  const { failed } = ratesOf(state.harm, guardrail, state.keys.seen);
  return {
    do: 'go-on',
    progress: `${fault ? `fault met ${plural(met, 'time')}, ` : ''}failures ${failed.experiment} vs ${failed.control}, ${watchSeconds - watched} s left`,
  };
}

import type { Check, JudgedFacts, Marked } from '@haldane/core';
import { lastCheck } from './asked.ts';
import { contactOf } from './contact.ts';
import { futilityWords } from './futility.ts';
import { guardrailsSafe } from './guardrails-safe.ts';
import { type Guardrail, guardrails, isGuarded, ratesOf, showsDifference } from './harm.ts';
import { harmWords, rateWords, unitWords } from './harm-words.ts';
import { whyNotMet } from './held.ts';
import { provingUsersFailed } from './proving-users.ts';
import type { JudgeState } from './state.ts';
import { plural } from './words.ts';

/** The users: failed beyond the tolerance only when that is proven, served only when the whole watch showed no difference. */
export function judgeServed(state: JudgeState, checks: readonly Check[], facts: JudgedFacts): Marked {
  const { criteria, harm } = state;
  const met = contactOf(state.contact, criteria);
  if (harm.provenAt !== null) {
    return met > 0
      ? { mark: 'no', why: harmWords(state) }
      : { mark: 'unknown', why: `${harmWords(state)}; but the fault was never met, so it cannot be laid to the change` };
  }
  if (state.observing === null) return servedWhileProving(state, met);
  if (!criteria.spec.fault) return { mark: 'unknown', why: `no fault was made; ${ratesSeen(state)}` };
  const unsaid = whyNotMet(state, checks) ?? whyNobodyCame(state);
  if (unsaid !== null) return { mark: 'unknown', why: unsaid };
  if (facts.stop !== null) return { mark: 'unknown', why: `stopped before it could be shown (${facts.stop.reason}); ${ratesSeen(state)}` };
  const counted = lastCheck(checks, 'counted');
  if (counted !== null && !counted.passed) return { mark: 'unknown', why: `${counted.seen}; before, ${ratesSeen(state)}` };
  if (guardrailsSafe(harm, criteria, state.keys.seen)) return { mark: 'yes', why: `${ratesSeen(state)}: shown to be within the tolerance` };
  if (showsDifference(harm, criteria)) {
    return {
      mark: 'unknown',
      why: `${ratesSeen(state)}: worse than control, but not proven to be beyond the tolerance${futilityWords(state)}`,
    };
  }
  return { mark: 'yes', why: `${ratesSeen(state)}: no harm beyond the tolerance in the whole watch` };
}

/** The run ended before real users came back: only synthetic ones can have been failed. */
function servedWhileProving(state: JudgeState, met: number): Marked {
  const { failed, sent } = state.provingUsers;
  if (met === 0 || !provingUsersFailed(state.provingUsers))
    return { mark: 'unknown', why: 'no real user met the change: the run ended before' };
  return {
    mark: 'no',
    why: `${failed.experiment} of ${plural(sent.experiment, 'synthetic user')} failed in the experiment while no real one was exposed, ${failed.control} of ${sent.control} in control`,
  };
}

/** A guardrail without traffic in an arm: no data is never a pass. Null when each had some. */
function whyNobodyCame(state: JudgeState): string | null {
  const { harm, keys } = state;
  for (const guardrail of watched(state)) {
    // A source without latencies leaves that guardrail out; failures are counted whatever it knows.
    if (guardrail === 'latency') continue;
    const came =
      guardrail === 'users'
        ? { control: harm.real.control.requests, experiment: harm.real.experiment.requests }
        : ratesOf(harm, guardrail, keys.seen).of;
    if (came.experiment === 0) return `no ${unitWords(state, guardrail)} reached the experiment while observing`;
    if (came.control === 0) return `no ${unitWords(state, guardrail)} reached control while observing`;
  }
  return null;
}

function ratesSeen(state: JudgeState): string {
  return watched(state)
    .filter((guardrail) => guardrail !== 'latency')
    .map((guardrail) => rateWords(state, guardrail))
    .join('; ');
}

function watched({ harm, criteria }: JudgeState): readonly Guardrail[] {
  return guardrails.filter((guardrail) => isGuarded(harm, criteria, guardrail));
}

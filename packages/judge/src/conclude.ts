import type { Criteria, Evidence, JudgedFacts, Marked, Verdict } from '@haldane/core';
import { isUnasked, lastCheck } from './asked.ts';
import { contactOf } from './contact.ts';
import { disturbedBy } from './disturbed.ts';
import { effectWords } from './effect-words.ts';
import { rateWords } from './harm-words.ts';
import { judgeHeld, refusalWords, whyNotMet } from './held.ts';
import { breachOf } from './hostile.ts';
import { acceptsInSpite, whyInvalid } from './invalid.ts';
import { judgeNoticed, type Noticed } from './noticed.ts';
import { leading, makeRecord } from './record.ts';
import { judgeServed } from './served.ts';
import { spreadOf } from './spread.ts';
import type { JudgeState } from './state.ts';
import { stopWords } from './stop-words.ts';
import { rankSurprises } from './surprises.ts';
import { concludeTwin } from './twin.ts';
import { percent, plural, sentence, significant } from './words.ts';

type Marks = { readonly held: Marked; readonly served: Marked; readonly noticed: Noticed };

/** The verdict from three marks. What makes the run incomparable comes first, then what was proven, then what is missing. */
export function conclude(state: JudgeState, criteria: Criteria, evidence: Evidence, facts: JudgedFacts): Verdict {
  if (criteria.contactUnit === 'twin') return concludeTwin(state, evidence, facts);
  const held = judgeHeld(state, evidence.accepts, evidence.checks);
  const served = judgeServed(state, evidence.checks, facts);
  const noticed = judgeNoticed(state, evidence, facts, held.mark);
  const invalid = whyInvalid(state, evidence, facts);
  const disturbed = disturbedBy(evidence.checks);
  const verdict = verdictOf({ held, served, noticed }, invalid, disturbed !== null, state);
  const unmet = verdict === 'inconclusive' ? neverMet(state, evidence, facts) : null;
  const { mark, why, result, alertMs } = noticed;
  const record = makeRecord(state, evidence, facts, breachOf(state.hostile, evidence.accepts), alertMs);
  const effect = effectWords(record);
  return {
    verdict,
    headline: headline(verdict, state, { held, served, noticed }, invalid, evidence, facts),
    held,
    served,
    noticed: { mark, why, result },
    reasons: [
      ...(disturbed === null ? [] : [`something else happened meanwhile: ${disturbed}`]),
      ...(unmet === null ? [] : [`inconclusive: ${unmet}`]),
      ...reasonsOf(state, { held, served, noticed }, invalid, evidence, facts),
      ...(effect === null ? [] : [effect]),
    ],
    surprises: rankSurprises(state, evidence),
    record,
  };
}

function verdictOf(
  { held, served, noticed }: Marks,
  invalid: readonly string[],
  isDisturbed: boolean,
  state: JudgeState,
): Verdict['verdict'] {
  if (invalid.length > 0) return 'invalid';
  if (isDisturbed && held.mark !== 'no') return 'inconclusive';
  if (held.mark === 'no' || served.mark === 'no' || noticed.mark === 'no') return 'vulnerable';
  const asked = state.criteria.spec.noticed !== null && noticed.result !== 'not-asked';
  if (held.mark === 'yes' && served.mark === 'yes' && (!asked || noticed.mark === 'yes')) return 'resilient';
  return 'inconclusive';
}

/** One sentence that the service's owner can forward. */
function headline(
  verdict: Verdict['verdict'],
  state: JudgeState,
  marks: Marks,
  invalid: readonly string[],
  evidence: Evidence,
  facts: JudgedFacts,
): string {
  const { spec } = state.criteria;
  const who = `${spec.service} (${spec.environment})`;
  const under = spec.scenario.id;
  switch (verdict) {
    case 'invalid': {
      const besides = acceptsInSpite(evidence.accepts);
      return sentence(
        `The run of ${under} on ${who} is invalid: ${invalid[0] ?? 'its arms cannot be compared'}${besides === null ? '' : `; ${besides}`}`,
      );
    }
    case 'vulnerable':
      if (marks.held.mark === 'no') return sentence(`${who} is vulnerable under ${under}: ${marks.held.why}${exposedWords(state)}`);
      if (marks.served.mark === 'no') return sentence(`${who} failed its users under ${under}: ${marks.served.why}`);
      return sentence(`${who} stood under ${under}, but nobody would have known: ${marks.noticed.why}`);
    case 'resilient':
      return sentence(
        `${who} held under ${under}: ${refusalWords(state)}; ${rateWords(state, leading(state))}; fault met ${plural(contactOf(state.contact, state.criteria), 'time')}`,
      );
    case 'inconclusive':
      return sentence(`The run of ${under} on ${who} is inconclusive: ${whyInconclusive(state, marks, evidence, facts)}`);
  }
}

/** The first thing that is missing, in the order in which an owner would mend it. */
function whyInconclusive(state: JudgeState, { held, served, noticed }: Marks, evidence: Evidence, facts: JudgedFacts): string {
  const disturbed = disturbedBy(evidence.checks);
  if (disturbed !== null) return `something else happened meanwhile: ${disturbed}`;
  const never = neverMet(state, evidence, facts);
  if (never !== null) return never;
  if (facts.stop !== null) return stopWords(facts.stop.reason, facts.stop.why);
  if (!state.criteria.spec.fault) return 'a rehearsal: no fault was made; nothing found';
  const unmet = whyNotMet(state, evidence.checks);
  if (unmet !== null) return unmet;
  if (held.mark === 'unknown') return held.why;
  if (served.mark === 'unknown') return served.why;
  return noticed.why;
}

/**
 * That the fault was never met, in a run that went as far as it could: to its end, or to the end of proving, which let nobody real in
 * for just that reason. Null otherwise.
 */
function neverMet(state: JudgeState, evidence: Evidence, { stop }: JudgedFacts): string | null {
  const { criteria, contact, proving } = state;
  if (!criteria.spec.fault || proving === null || contactOf(contact, criteria) > 0) return null;
  return stop === null || stop.reason === 'deadline' ? whyNotMet(state, evidence.checks) : null;
}

/** All that stands behind the verdict, most important first. */
function reasonsOf(
  state: JudgeState,
  { held, served, noticed }: Marks,
  invalid: readonly string[],
  evidence: Evidence,
  facts: JudgedFacts,
): readonly string[] {
  const { spec } = state.criteria;
  const reasons = [...invalid];
  const besides = invalid.length > 0 ? acceptsInSpite(evidence.accepts) : null;
  if (besides !== null) reasons.push(besides);
  if (!spec.fault && invalid.length === 0) reasons.push('a rehearsal: no fault was made');
  for (const [name, { mark, why }] of [
    ['held', held],
    ['served', served],
  ] as const)
    reasons.push(`${name}: ${mark} - ${why}`);
  if (noticed.result !== 'not-asked') reasons.push(`noticed: ${noticed.mark} (${noticed.result}) - ${noticed.why}`);
  if (facts.stop !== null) reasons.push(`stopped: ${facts.stop.reason} - ${facts.stop.why}`);
  if (state.hostile.since.experiment.sent > 0 && held.mark !== 'no') reasons.push(refusalWords(state));
  if (spec.fault) reasons.push(`fault met ${plural(contactOf(state.contact, state.criteria), 'time')}; ${spec.contact} needed`);
  const leaky = state.hostile.since.experiment.leaky;
  if (leaky > 0) reasons.push(`${plural(leaky, 'refusal')} told too much (a stack trace or canary data): a finding of its own`);
  if (spec.exposure !== 'synthetic') reasons.push(harmWords(state));
  const heal = lastCheck(evidence.checks, 'heal');
  if (heal !== null && !heal.passed)
    reasons.push(
      isUnasked(heal)
        ? `whether the fault is gone after it was taken back is not known: ${heal.seen}`
        : `the fault was still there after it was taken back: ${heal.seen}`,
    );
  if (!facts.restored.clean) reasons.push(`not everything could be put back: ${facts.restored.stuck.join(', ') || 'see the journal'}`);
  if (state.observing !== null) reasons.push(unitReason(state), spreadReason(state));
  return [...new Set(reasons)];
}

/** What one observation is, because a unit that hangs together with others makes chance look like proof. */
function unitReason({ harm, retries }: JudgeState): string {
  const again =
    retries === null
      ? 'retries cannot be told from first tries and count as requests'
      : `${plural(retries.control + retries.experiment, 'retry', 'retries')}, told by the idempotency key, counted once, with the first try`;
  if (harm.unit === 'keys') return `unit of analysis: distinct users, each failing at most once; ${again}`;
  if (harm.unit === 'requests') {
    const { control, experiment } = harm.real;
    const split = `${plural(control.requests, 'request')} in control and ${plural(experiment.requests, 'request')} in the experiment, not tested against the shares asked for`;
    return `unit of analysis: requests, for no users can be told apart: one user who fails often looks like many, and one who asks often tilts the split (${split}); ${again}`;
  }
  return 'unit of analysis: synthetic requests';
}

function spreadReason({ baseline }: JudgeState): string {
  const spread = spreadOf(baseline.instances);
  if (spread === null) return 'spread between instances in the baseline: not known, the metric source does not tell them apart';
  const times = spread.overChance === null ? 'no failure to compare' : `variance ${significant(spread.overChance)} times that of chance`;
  return `spread between ${spread.instances} instances in the baseline: ${percent(spread.lowest)} to ${percent(spread.highest)} of requests failed, ${times}`;
}

/** How many real users stood behind the door. */
function exposedWords(state: JudgeState): string {
  const requests = state.harm.real.experiment.requests;
  return requests === 0 ? '; no real user was exposed' : `; ${plural(requests, 'real request')} reached the experiment meanwhile`;
}

/** What users had to bear, of what they might have. */
function harmWords({ budget: { spent, cap, users } }: JudgeState): string {
  const distinct = users === undefined ? '' : `, and ${users.spent} of at most ${users.cap} distinct users saw one`;
  return `users hurt ${spent} of ${cap}${distinct}`;
}

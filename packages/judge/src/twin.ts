import type { Check, Decision, Evidence, JudgedFacts, Marked, Verdict } from '@haldane/core';
import { isUnasked, lastCheck } from './asked.ts';
import { disturbedBy } from './disturbed.ts';
import { firstStop } from './first-stop.ts';
import { whyInvalid } from './invalid.ts';
import { dataGap } from './limits.ts';
import { judgeNoticed, type Noticed } from './noticed.ts';
import { effectFailed, effectUnknown, graceSeconds } from './proving.ts';
import { makeRecord } from './record.ts';
import { type JudgeState, secondsSinceInjection, watchedSeconds } from './state.ts';
import { stopWords } from './stop-words.ts';
import { sentence } from './words.ts';

/** A run on twins of a resource: no request is sent, so time passes until the effect was seen and the watch is over. */
export function decideTwin(state: JudgeState, checks: readonly Check[]): Decision {
  const { spec } = state.criteria;
  const gap = firstStop([['metrics-unavailable', dataGap(state)]]);
  if (gap !== null) return gap;
  if (state.phase === 'baseline')
    return state.baseline.seconds >= spec.baselineSeconds
      ? { do: 'next', why: `both twins stood for ${state.baseline.seconds} s` }
      : { do: 'go-on', progress: `${state.baseline.seconds} of ${spec.baselineSeconds} s before anything is changed` };
  if (state.phase === 'proving') return decideEffect(state, checks);
  if (state.phase !== 'observing') return { do: 'go-on', progress: 'the change is being made' };
  const watched = watchedSeconds(state);
  return watched >= spec.watchSeconds
    ? { do: 'next', why: `watched for ${watched} s` }
    : { do: 'go-on', progress: `${spec.watchSeconds - watched} s left` };
}

function decideEffect(state: JudgeState, checks: readonly Check[]): Decision {
  const stop = firstStop([
    ['invalid-arms', effectFailed(state, checks)],
    ['metrics-unavailable', effectUnknown(state, checks)],
  ]);
  if (stop !== null) return stop;
  if (!state.criteria.spec.fault || lastCheck(checks, 'effect')?.passed)
    return { do: 'next', why: "the change is there, at the experiment's twin alone" };
  if (secondsSinceInjection(state) < graceSeconds) return { do: 'go-on', progress: 'the effect of the change was not seen yet' };
  return { do: 'stop', reason: 'deadline', why: `after ${graceSeconds} s the effect of the change was not seen` };
}

/** Nobody is served by a twin and it holds nothing: whether the change was noticed, as its owner expects, is the verdict. */
export function concludeTwin(state: JudgeState, evidence: Evidence, facts: JudgedFacts): Verdict {
  const { criteria } = state;
  const held = judgeContained(state, evidence.checks);
  const served: Marked = { mark: 'unknown', why: 'no user is served by a twin' };
  const noticed = judgeNoticed(state, evidence, facts, held.mark);
  const invalid = whyInvalid(state, evidence, facts);
  const disturbed = disturbedBy(evidence.checks);
  const verdict = verdictOf(noticed, invalid, disturbed);
  const { mark, why, result, alertMs } = noticed;
  const record = makeRecord(state, evidence, facts, null, alertMs);
  const twins = lastCheck(evidence.checks, 'arms-equal');
  const heal = lastCheck(evidence.checks, 'heal');
  const { spec } = criteria;
  const cut = facts.stop === null ? null : stopWords(facts.stop.reason, facts.stop.why);
  const who = `${spec.service} (${spec.environment})`;
  const headlines: Readonly<Record<Verdict['verdict'], string>> = {
    invalid: `The run of ${spec.scenario.id} on ${who} is invalid: ${invalid[0] ?? 'its twins cannot be compared'}`,
    vulnerable: `Nobody would have known of ${spec.scenario.id} at ${who}: ${why}`,
    resilient: `${spec.scenario.id} at ${who} was noticed, on a twin: ${why}${held.mark === 'yes' ? `; ${held.why}` : ''}`,
    inconclusive: `The run of ${spec.scenario.id} on ${who} is inconclusive: ${disturbed === null ? (cut ?? why) : `something else happened meanwhile: ${disturbed}`}`,
  };
  return {
    verdict,
    headline: sentence(headlines[verdict]),
    held,
    served,
    noticed: { mark, why, result },
    reasons: [
      ...invalid,
      ...(disturbed === null ? [] : [`something else happened meanwhile: ${disturbed}`]),
      `noticed: ${mark} (${result}) - ${why}`,
      `held: ${held.mark} - ${held.why}`,
      ...(twins === null ? [] : [`made at a twin, not at the service's own: ${twins.seen}`]),
      ...(cut === null ? [] : [cut]),
      ...(heal === null || heal.passed ? [] : [`whether the change is gone: ${heal.seen}`]),
      ...(facts.restored.clean ? [] : [`not everything could be put back: ${facts.restored.stuck.join(', ') || 'see the journal'}`]),
    ],
    surprises: [],
    // The one twin that was harmed is all that there was to meet.
    record: { ...record, contact: { count: evidence.effectAt === null ? 0 : 1, needed: 1, leaked: 0 } },
  };
}

function verdictOf(noticed: Noticed, invalid: readonly string[], disturbed: string | null): Verdict['verdict'] {
  if (invalid.length > 0) return 'invalid';
  if (disturbed !== null || noticed.mark === 'unknown') return 'inconclusive';
  return noticed.mark === 'yes' ? 'resilient' : 'vulnerable';
}

/** Whether somebody else took the change away before Haldane did. */
function judgeContained({ criteria }: JudgeState, checks: readonly Check[]): Marked {
  if (!criteria.spec.fault) return { mark: 'unknown', why: 'no fault was made, so nothing was put to the test' };
  const contained = lastCheck(checks, 'contained');
  if (contained === null || isUnasked(contained))
    return {
      mark: 'unknown',
      why: 'whether somebody took the change away before Haldane did was not seen; a twin has nothing else to hold',
    };
  return contained.passed
    ? { mark: 'yes', why: 'somebody else had taken the change away before Haldane did' }
    : { mark: 'unknown', why: 'nobody took the change away before Haldane did; a twin has nothing else to hold' };
}

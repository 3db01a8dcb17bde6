import type { Evidence, Json, JudgedFacts, VerdictRecord } from '@haldane/core';
import { anytimeP } from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import { sampleRatioOf } from './arms-unequal.ts';
import { blockE } from './block-e.ts';
import { contactOf, leakedOf } from './contact.ts';
import { criteriaHash } from './criteria-hash.ts';
import { disturbedBy } from './disturbed.ts';
import { eHolmOf } from './guardrail-names.ts';
import { excessOf } from './guardrails-safe.ts';
import { type Guardrail, harmThreshold, ratesOf, usersTest, weightsOf } from './harm.ts';
import { acceptedBelow } from './held.ts';
import type { Breach } from './hostile.ts';
import { judgeId } from './judge-id.ts';
import { latencyEffects } from './latency.ts';
import { worstThreshold } from './latency-guard.ts';
import { oddsRatioOf } from './odds-ratio.ts';
import { spreadOf } from './spread.ts';
import { type JudgeState, secondsSinceInjection } from './state.ts';

/** The level that the intervals of a report hold at. */
const level = 0.95;

/** The guardrail whose numbers stand for the run: real users where there are any, else synthetic ones. */
export function leading(state: JudgeState): Guardrail {
  return weightsOf(state.criteria).users > 0 ? 'users' : 'synthetic-users';
}

/** The numbers behind the verdict, all from the evidence. */
export function makeRecord(
  state: JudgeState,
  evidence: Evidence,
  facts: JudgedFacts,
  breach: Breach | null,
  alertMs: number | null,
): VerdictRecord {
  const { criteria, harm, hostile, keys } = state;
  const guardrail = leading(state);
  const synthetic = guardrail === 'synthetic-users';
  const rates = ratesOf(harm, guardrail, keys.seen);
  const compared = rates.of.control > 0 && rates.of.experiment > 0;
  const excess = excessOf(criteria.spec, guardrail, rates.failed, rates.of, (1 - level) / 2);
  const requests = synthetic ? harm.legitimate.sent : { control: harm.real.control.requests, experiment: harm.real.experiment.requests };
  const failures = synthetic ? harm.legitimate.failed : { control: harm.real.control.failures, experiment: harm.real.experiment.failures };
  const { sent, accepted, denied, incidental, leaky } = hostile.since.experiment;
  return {
    judge: judgeId,
    criteriaHash: criteriaHash(criteria),
    unit: !synthetic && harm.unit === 'keys' ? 'keys' : 'requests',
    seconds: state.observing?.seconds ?? 0,
    requests,
    failures,
    harm: { logE: harm.logE, maxLogE: harm.maxLogE, p: Math.min(1, Math.exp(-harm.maxLogE)), threshold: harmThreshold(criteria) },
    oddsRatio: compared ? oddsRatioOf(state, evidence.blocks, guardrail, level) : null,
    excessFailures: compared ? { low: excess.low, high: excess.high, level } : null,
    sampleRatio: sampleRatioOf(state),
    hostile: {
      sent,
      accepted: Math.max(accepted, breach?.accepts ?? 0),
      denied,
      incidental,
      leaky,
      below: breach === null ? acceptedBelow(state) : null,
    },
    contact: {
      count: contactOf(state.contact, criteria),
      needed: criteria.spec.contact,
      leaked: leakedOf(state.contact, criteria, evidence.accepts),
    },
    budget: { spent: state.budget.spent, cap: state.budget.cap },
    alertMs,
    strength: strengthOf(state, evidence, facts, breach),
    more: more(state, evidence, facts),
  };
}

/**
 * Enough to stop, or enough to block a deploy: an accept that control confirmed, or a plain E of failures of at least 1000, alone or
 * multiplied with that of the run that this one confirms.
 */
function strengthOf(
  { harm }: JudgeState,
  { checks }: Evidence,
  { confirms }: JudgedFacts,
  breach: Breach | null,
): VerdictRecord['strength'] {
  const proven = harm.provenAt !== null && disturbedBy(checks) === null;
  const logE = harm.maxFailureLogE + (confirms?.logE ?? 0);
  if (breach?.confirmed || (proven && Math.max(harm.maxFailureLogE, logE) >= Math.log(blockE))) return 'block';
  return breach !== null || proven ? 'stop' : 'none';
}

function more(state: JudgeState, evidence: Evidence, { confirms }: JudgedFacts): { readonly [key: string]: Json } {
  const { criteria, harm, keys, baseline, hostile, contact, provingUsers } = state;
  const weights = weightsOf(criteria);
  return {
    alpha: { total: criteria.spec.alpha, ...alphaLedger(criteria.spec.alpha) },
    guardrails: eHolmOf(state).map(({ guardrail, logE, adjustedLogE, named }) => {
      const test = guardrail === 'users' ? usersTest(harm) : harm.legitimateTest;
      const ownMax =
        guardrail === 'latency' ? { maxLogE: logE, p: Math.min(1, Math.exp(-logE)) } : { maxLogE: test.maxLogE, p: anytimeP(test) };
      const { failed, of } = ratesOf(harm, guardrail, keys.seen);
      return {
        guardrail,
        weight: weights[guardrail],
        logE,
        ...ownMax,
        adjustedLogE,
        named,
        failed: { ...failed },
        of: { ...of },
      };
    }),
    keys: { seen: { ...keys.seen }, failedWhileObserving: { ...harm.failedKeys }, switched: keys.switched },
    classes: {
      control: [...harm.real.control.classes],
      experiment: [...harm.real.experiment.classes],
      production: [...harm.real.production.classes],
    },
    baseline: {
      seconds: baseline.seconds,
      good: baseline.good,
      requests: {
        control: baseline.real.control.requests,
        experiment: baseline.real.experiment.requests,
        production: baseline.real.production.requests,
      },
      failures: {
        control: baseline.real.control.failures,
        experiment: baseline.real.experiment.failures,
        production: baseline.real.production.failures,
      },
    },
    proving: {
      seconds: state.proving?.seconds ?? 0,
      syntheticUsers: { sent: { ...provingUsers.sent }, failed: { ...provingUsers.failed } },
    },
    hostileSinceContact: {
      sent: hostile.sinceContact.sent,
      denied: hostile.sinceContact.denied,
      incidental: hostile.sinceContact.incidental,
      leaky: hostile.sinceContact.leaky,
    },
    hostileControl: {
      sent: hostile.since.control.sent,
      denied: hostile.since.control.denied,
      incidental: hostile.since.control.incidental,
    },
    dependencyCalls: { ...contact.calls },
    secondsSinceInjection: Math.round(secondsSinceInjection(state) * 1000) / 1000,
    narrowedSeconds: state.budget.narrowedSeconds,
    budgetCredit: state.budget.credit,
    ...(state.budget.users === undefined ? {} : { budgetUsers: { ...state.budget.users } }),
    experimentUnhealthySeconds: state.health.experimentSeconds,
    latencyMs: latencyEffects(evidence.blocks, level),
    failuresOnly: { logE: harm.failureLogE, maxLogE: harm.maxFailureLogE },
    latencyGuard: latencyGuardOf(state),
    instanceSpread: spreadOf(baseline.instances) ?? 'not known',
    retries: state.retries === null ? 'not known' : { ...state.retries },
    ...interferenceOf(evidence),
    confirms: confirms === undefined ? null : { ...confirms, together: harm.maxFailureLogE + confirms.logE },
  };
}

/** With it, what this run says of failures is added to no other's. */
function interferenceOf({ checks }: Evidence): { readonly [key: string]: Json } {
  const disturbed = disturbedBy(checks);
  return disturbed === null ? {} : { interference: disturbed };
}

/** What counted as slow, frozen before the change. */
function latencyGuardOf({ harm: { latency } }: JudgeState): Json {
  if (latency === null) return 'not measured';
  const { at, ms, times } = worstThreshold(latency);
  return {
    thresholdsMs: latency.thresholds.map((index) => Number(((1.01 / 0.99) ** index).toPrecision(4))),
    times: Number(times.toPrecision(3)),
    worstMs: Number(ms.toPrecision(4)),
    slow: { ...(latency.slow[at] ?? { control: 0, experiment: 0 }) },
    answers: { ...latency.answers },
    slowSeconds: latency.slowSeconds,
    logE: latency.logE,
  };
}

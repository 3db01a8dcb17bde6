import type { Block, Criteria, ExperimentSpec, Tally } from '@haldane/core';
import {
  beginCountTest,
  beginProportionTest,
  type CountTest,
  type MixtureTest,
  type ProportionTest,
  stepCountTest,
  stepProportionTest,
} from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import { addByArm, addTallies, type ByArm, type ByRole, failedProbes, noneByArm, noTallies } from './block-sums.ts';
import { atRiskShare, type Keys } from './keys.ts';
import { freezeLatency, type LatencyGuard, stepLatency, type WarmUp, worstThreshold } from './latency-guard.ts';
import { beginSafety, type SafetyState, stepSafety } from './safety.ts';

/** What is guarded: real users, the synthetic ones who must always be served, and how long real answers take. They are never added together. */
export type Guardrail = 'users' | 'synthetic-users' | 'latency';
export const guardrails: readonly Guardrail[] = ['users', 'synthetic-users', 'latency'];

/**
 * The comparison of harm while observing. `keys` and `requests` are the same guardrail in two units; the one that decides is fixed
 * at the first block that has real traffic. `equal*` test against no difference at all and only ever explain.
 */
export type HarmState = {
  readonly unit: 'keys' | 'requests' | null;
  readonly real: ByRole<Tally>;
  readonly failedKeys: ByArm<number>;
  readonly legitimate: { readonly sent: ByArm<number>; readonly failed: ByArm<number> };
  readonly keysTest: CountTest;
  readonly requestsTest: ProportionTest;
  readonly legitimateTest: ProportionTest;
  readonly equalKeys: CountTest;
  readonly equalRequests: ProportionTest;
  readonly equalLegitimate: ProportionTest;
  readonly safety: SafetyState;
  /** Null before the baseline's end, and where no latency was measured. */
  readonly latency: LatencyGuard | null;
  /** ln of the weighted mean of the guardrails' current plain E, and its maximum. */
  readonly logE: number;
  readonly maxLogE: number;
  /** ln of the mean with slowness left out, and its maximum: slow answers of one second hang together, so they may stop a run but never block a deploy. */
  readonly failureLogE: number;
  readonly maxFailureLogE: number;
  /** Epoch second of the block that proved harm beyond the tolerance; it stays proven. */
  readonly provenAt: number | null;
};

/** What each guardrail weighs in the mean; they add up to 1. */
export function weightsOf(criteria: Pick<Criteria, 'spec'>): Readonly<Record<Guardrail, number>> {
  const { exposure, probes } = criteria.spec;
  if (exposure === 'synthetic') return onlySynthetic;
  return probes.legitimateRate <= 0 ? onlyReal : everyone;
}

const onlySynthetic = { users: 0, 'synthetic-users': 1, latency: 0 } as const;
const onlyReal = { users: 0.9, 'synthetic-users': 0, latency: 0.1 } as const;
const everyone = { users: 0.65, 'synthetic-users': 0.25, latency: 0.1 } as const;

/** The level that real users' failures are tested at for themselves: their part of what may stop a run. 0 when none are exposed. */
export function usersLevel(spec: ExperimentSpec): number {
  return alphaLedger(spec.alpha).abort * weightsOf({ spec }).users;
}

/** E at which the weighted mean proves harm. */
export function harmThreshold(criteria: Criteria): number {
  // Rounded, so that alpha .05 gives 25 and not what binary fractions make of it.
  return Number((1 / alphaLedger(criteria.spec.alpha).abort).toPrecision(12));
}

export function beginHarm(criteria: Criteria): HarmState {
  const { abort } = alphaLedger(criteria.spec.alpha);
  const { tolerance, watchSeconds } = criteria.spec;
  const weights = weightsOf(criteria);
  const onset = { first: 0.8, horizon: Math.max(1, Math.ceil(watchSeconds)) };
  const beyond = (guardrail: Guardrail) => ({
    alpha: abort * Math.max(weights[guardrail], 0.05),
    psi0: tolerance.odds,
    onset,
    boosted: true,
    interval: false,
  });
  const equal = { alpha: abort, psi0: 1, onset, interval: false };
  return {
    unit: null,
    real: noTallies,
    failedKeys: noneByArm,
    legitimate: { sent: noneByArm, failed: noneByArm },
    keysTest: beginCountTest(beyond('users')),
    requestsTest: beginProportionTest(beyond('users')),
    legitimateTest: beginProportionTest(beyond('synthetic-users')),
    equalKeys: beginCountTest(equal),
    equalRequests: beginProportionTest(equal),
    equalLegitimate: beginProportionTest(equal),
    safety: beginSafety(criteria),
    latency: null,
    logE: 0,
    maxLogE: 0,
    failureLogE: 0,
    maxFailureLogE: 0,
    provenAt: null,
  };
}

/** What is slow is decided by the baseline alone, as it ends. */
export function freezeHarm(state: HarmState, warmUp: WarmUp, criteria: Criteria): HarmState {
  const weight = weightsOf(criteria).latency;
  return weight === 0 ? state : { ...state, latency: freezeLatency(warmUp, criteria, alphaLedger(criteria.spec.alpha).abort * weight) };
}

/** What a block says of failures, by guardrail and unit. The share of users at risk must not look ahead. */
export function harmCounts(block: Block, before: Keys, spec: ExperimentSpec) {
  const { experiment, control } = block.real;
  return {
    requests: { xe: failures(experiment), ne: experiment.requests, xc: failures(control), nc: control.requests },
    keys: { xe: block.failedKeys.experiment, xc: block.failedKeys.control, shareE: atRiskShare(before, block.keys, spec) },
    legitimate: {
      xe: failedProbes(block.legitimate.experiment),
      ne: block.legitimate.experiment.sent,
      xc: failedProbes(block.legitimate.control),
      nc: block.legitimate.control.sent,
    },
  };
}

/** One observed block further. `before` are the keys known before this block: the share of users at risk must not look ahead. */
export function stepHarm(state: HarmState, block: Block, criteria: Criteria, before: Keys): HarmState {
  const { requests, keys, legitimate } = harmCounts(block, before, criteria.spec);
  const known = addByArm(before.seen, block.keys);
  const unit = state.unit ?? (requests.ne + requests.nc === 0 ? null : known.control + known.experiment > 0 ? 'keys' : 'requests');
  const next = {
    ...state,
    unit,
    real: addTallies(state.real, block.real),
    failedKeys: addByArm(state.failedKeys, block.failedKeys),
    legitimate: {
      sent: addByArm(state.legitimate.sent, { control: legitimate.nc, experiment: legitimate.ne }),
      failed: addByArm(state.legitimate.failed, { control: legitimate.xc, experiment: legitimate.xe }),
    },
    keysTest: unit === 'keys' ? stepCountTest(state.keysTest, keys) : state.keysTest,
    requestsTest: unit === 'requests' ? stepProportionTest(state.requestsTest, requests) : state.requestsTest,
    legitimateTest: stepProportionTest(state.legitimateTest, legitimate),
    equalKeys: unit === 'keys' ? stepCountTest(state.equalKeys, keys) : state.equalKeys,
    equalRequests: unit === 'requests' ? stepProportionTest(state.equalRequests, requests) : state.equalRequests,
    equalLegitimate: stepProportionTest(state.equalLegitimate, legitimate),
    safety: stepSafety(state.safety, unit, { keys, requests, legitimate }),
    latency: state.latency === null ? null : stepLatency(state.latency, block),
  };
  const weights = weightsOf(criteria);
  const users = usersTest(next);
  const slow = next.latency?.logE ?? 0;
  const mean = (ofUsers: number, ofSynthetic: number, ofLatency: number) =>
    logMean([
      [weights.users, ofUsers],
      [weights['synthetic-users'], ofSynthetic],
      [weights.latency, ofLatency],
    ]);
  const logE = mean(users.logE, next.legitimateTest.logE, slow);
  const boosted = mean(users.boostedLogW ?? 0, next.legitimateTest.boostedLogW ?? 0, slow);
  const failureLogE = mean(users.logE, next.legitimateTest.logE, Math.min(0, slow));
  const goal = Math.log(harmThreshold(criteria));
  // Crossing is decided on current values: a mean of running maxima would not keep its promise.
  const beyond = Math.max(logE, boosted) >= goal - 1e-9 && exceedsPoints(next, criteria, known);
  return {
    ...next,
    logE,
    maxLogE: Math.max(state.maxLogE, logE),
    failureLogE,
    maxFailureLogE: Math.max(state.maxFailureLogE, failureLogE),
    provenAt: state.provenAt ?? (beyond ? block.at : null),
  };
}

/** The test of the real users in the unit that decides. */
export function usersTest(state: Pick<HarmState, 'unit' | 'keysTest' | 'requestsTest'>): MixtureTest {
  return state.unit === 'keys' ? state.keysTest : state.requestsTest;
}

/** ln of the current plain E of one guardrail. */
export function guardrailLogE(state: HarmState, guardrail: Guardrail): number {
  if (guardrail === 'latency') return state.latency?.logE ?? 0;
  return guardrail === 'users' ? usersTest(state).logE : state.legitimateTest.logE;
}

/** Whether a guardrail is watched in this run at all. */
export function isGuarded(state: HarmState, criteria: Criteria, guardrail: Guardrail): boolean {
  return weightsOf(criteria)[guardrail] > 0 && (guardrail !== 'latency' || state.latency !== null);
}

/** True when the arms were shown to differ at all, be it within the tolerance. */
export function showsDifference(state: HarmState, criteria: Criteria): boolean {
  const weights = weightsOf(criteria);
  const users = state.unit === 'keys' ? state.equalKeys : state.equalRequests;
  return (
    logMean([
      [weights.users, users.logE],
      [weights['synthetic-users'], state.equalLegitimate.logE],
      [weights.latency, 0],
    ]) >= Math.log(harmThreshold(criteria))
  );
}

/** Failures and how many could fail, by arm, of one guardrail, in the unit that decides. */
export function ratesOf(
  state: HarmState,
  guardrail: Guardrail,
  keys: ByArm<number>,
): { readonly failed: ByArm<number>; readonly of: ByArm<number> } {
  if (guardrail === 'synthetic-users') return { failed: state.legitimate.failed, of: state.legitimate.sent };
  if (guardrail === 'latency') {
    if (state.latency === null) return { failed: noneByArm, of: noneByArm };
    return { failed: state.latency.slow[worstThreshold(state.latency).at] ?? noneByArm, of: state.latency.answers };
  }
  if (state.unit === 'keys') return { failed: state.failedKeys, of: keys };
  return {
    failed: { control: failures(state.real.control), experiment: failures(state.real.experiment) },
    of: { control: state.real.control.requests, experiment: state.real.experiment.requests },
  };
}

/** The owner accepts a difference of so many points even where the odds are beyond theirs: a rare failure that doubles is still rare. */
function exceedsPoints(state: HarmState, criteria: Criteria, keys: ByArm<number>): boolean {
  return guardrails.some((guardrail) => {
    if (!isGuarded(state, criteria, guardrail)) return false;
    const { failed, of } = ratesOf(state, guardrail, keys);
    return (
      of.control > 0 &&
      of.experiment > 0 &&
      failed.experiment / of.experiment - failed.control / of.control > criteria.spec.tolerance.points
    );
  });
}

/** A request fails a user at most once, whatever a source reports. */
function failures(tally: Tally): number {
  return Math.min(tally.requests, tally.failures);
}

/** ln Σ w exp(v), without overflow. */
export function logMean(weighted: readonly (readonly [number, number])[]): number {
  const counted = weighted.filter(([weight]) => weight > 0);
  const top = Math.max(...counted.map(([, value]) => value));
  return top + Math.log(counted.reduce((sum, [weight, value]) => sum + weight * Math.exp(value - top), 0));
}

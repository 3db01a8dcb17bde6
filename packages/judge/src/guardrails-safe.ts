import { type Criteria, type ExperimentSpec, timesOf } from '@haldane/core';
import { crossed, type ExcessFailures, excessFailures, type MixtureTest } from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import { type ByArm, noneByArm } from './block-sums.ts';
import { type Guardrail, guardrails, type HarmState, isGuarded, ratesOf } from './harm.ts';

/**
 * Whether every guardrail was shown to be within the tolerance: by odds (E of non-inferiority at least 1/alpha) or by points (the
 * time-uniform upper bound of the excess, as a share, below the tolerated one).
 */
export function guardrailsSafe(state: HarmState, criteria: Criteria, keys: ByArm<number>): boolean {
  return guardrails.every((guardrail) => !isGuarded(state, criteria, guardrail) || guardrailSafe(state, criteria, guardrail, keys));
}

function guardrailSafe(state: HarmState, criteria: Criteria, guardrail: Guardrail, keys: ByArm<number>): boolean {
  const { failed, of } = safetyRates(state, guardrail, keys);
  if (of.control === 0 || of.experiment === 0) return false;
  if (crossed(safetyTest(state, guardrail))) return true;
  const { points } = criteria.spec.tolerance;
  const { safe } = alphaLedger(criteria.spec.alpha);
  // The bound lies at least ln(1/alpha) above the estimate (its exponents are below 1): most seconds need no more than this.
  const least = failed.experiment - failed.control * ratioOf(criteria.spec, guardrail, of) - Math.log(safe);
  return least / of.experiment < points && excessOf(criteria.spec, guardrail, failed, of, safe).high / of.experiment < points;
}

/** The test of non-inferiority of one guardrail. */
export function safetyTest(state: HarmState, guardrail: Guardrail): MixtureTest {
  if (guardrail === 'latency' && state.latency !== null) return state.latency.safe;
  if (guardrail === 'synthetic-users') return state.safety.legitimate;
  return state.unit === 'keys' ? state.safety.keys : state.safety.requests;
}

/** What that test counts: slowness is held at one threshold. */
export function safetyRates(state: HarmState, guardrail: Guardrail, keys: ByArm<number>): ReturnType<typeof ratesOf> {
  const { latency } = state;
  if (guardrail !== 'latency' || latency === null) return ratesOf(state, guardrail, keys);
  return { failed: latency.slow[latency.safeAt] ?? noneByArm, of: latency.answers };
}

/**
 * Failures of the experiment beyond what control's explain, with time-uniform bounds (F30). Real users: the ratio of
 * the shares, by design, and the bounds hold over the draw of who came into which arm. Synthetic ones: as many as were sent.
 */
export function excessOf(
  spec: ExperimentSpec,
  guardrail: Guardrail,
  failed: ByArm<number>,
  of: ByArm<number>,
  alpha: number,
): ExcessFailures {
  return excessFailures(failed.experiment, failed.control, ratioOf(spec, guardrail, of), { alpha });
}

function ratioOf(spec: ExperimentSpec, guardrail: Guardrail, of: ByArm<number>): number {
  const designed = guardrail === 'synthetic-users' ? 1 : 1 / timesOf(spec, 'control');
  return guardrail === 'users' || of.control === 0 || of.experiment === 0 ? designed : of.experiment / of.control;
}

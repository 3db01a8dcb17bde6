import type { Criteria } from '@haldane/core';
import { crossed, type ExcessFailures, excessFailures } from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import type { ByArm } from './block-sums.ts';
import { type Guardrail, type HarmState, ratesOf, weightsOf } from './harm.ts';

/**
 * Whether every guardrail was shown to be within the tolerance: by odds (E of non-inferiority at least 1/alpha) or by points (the
 * time-uniform upper bound of the excess, as a share, below the tolerated one).
 */
export function guardrailsSafe(state: HarmState, criteria: Criteria, keys: ByArm<number>): boolean {
  const weights = weightsOf(criteria);
  return (['users', 'synthetic-users'] as const).every(
    (guardrail) => weights[guardrail] === 0 || guardrailSafe(state, criteria, guardrail, keys),
  );
}

function guardrailSafe(state: HarmState, criteria: Criteria, guardrail: Guardrail, keys: ByArm<number>): boolean {
  const { failed, of } = ratesOf(state, guardrail, keys);
  if (of.control === 0 || of.experiment === 0) return false;
  const test =
    guardrail === 'synthetic-users' ? state.safety.legitimate : state.unit === 'keys' ? state.safety.keys : state.safety.requests;
  if (crossed(test)) return true;
  const excess = excessOf(guardrail, failed, of, alphaLedger(criteria.spec.alpha).safe);
  return excess.high / of.experiment < criteria.spec.tolerance.points;
}

/**
 * Failures of the experiment beyond what control's explain, with time-uniform bounds (F30). Real users: arms of equal share, so the
 * ratio is 1 by design and the bounds hold over the draw of who came into which arm. Synthetic ones: as many as were sent.
 */
export function excessOf(guardrail: Guardrail, failed: ByArm<number>, of: ByArm<number>, alpha: number): ExcessFailures {
  const ratio = guardrail === 'users' || of.control === 0 || of.experiment === 0 ? 1 : of.experiment / of.control;
  return excessFailures(failed.experiment, failed.control, ratio, { alpha });
}

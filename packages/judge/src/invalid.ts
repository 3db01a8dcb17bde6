import type { Accept, Check, Evidence, JudgedFacts } from '@haldane/core';
import { armsUnequal } from './arms-unequal.ts';
import { isUnasked, lastCheck } from './asked.ts';
import { spilledOver } from './spillover.ts';
import type { JudgeState } from './state.ts';

/** Why the run says nothing about the service, in plain words; empty when it does. */
export function whyInvalid(state: JudgeState, evidence: Evidence, facts: JudgedFacts): readonly string[] {
  const { criteria } = state;
  const unequal = evidence.checks.find((check) => check.name === 'arms-equal' && !check.passed);
  const reasons = [...(unequal === undefined ? [] : [`the arms were not equal: ${unequal.seen}`]), ...armsUnequal(state, evidence.accepts)];
  const spilled = spilledOver(state.spillover);
  if (spilled !== null) reasons.push(`escaped harm: ${spilled}`);
  if (effectInControl(evidence.checks, evidence.effectAt, criteria.act))
    reasons.push('the fault reached control: its effect was seen there too');
  if (!criteria.spec.fault && state.harm.provenAt !== null) reasons.push('without any fault the arms differ: they are not equal');
  const { stop } = facts;
  if (reasons.length === 0 && stop?.reason === 'invalid-arms') reasons.push(stop.why);
  if (reasons.length === 0 && stop?.reason === 'spillover') reasons.push(`escaped harm: ${stop.why}`);
  return reasons;
}

/** The effect was seen, and yet its check failed: it was not the experiment's alone. */
function effectInControl(checks: readonly Check[], effectAt: number | null, act: 'change' | 'request'): boolean {
  const effect = lastCheck(checks, 'effect');
  return act === 'change' && effectAt !== null && effect !== null && !effect.passed && !isUnasked(effect);
}

/** Accepts that prove something whatever else is wrong with the run. */
export function acceptsInSpite(accepts: readonly Accept[]): string | null {
  const accepted = accepts.filter((accept) => accept.outcome === 'accepted').length;
  return accepted === 0
    ? null
    : `besides, ${accepted} forged token${accepted === 1 ? ' was' : 's were'} accepted: look at that whatever else is wrong`;
}

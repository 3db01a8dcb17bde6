import { type Accept, timesOf } from '@haldane/core';
import { sampleRatio } from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import { unhealthyForSeconds } from './arms.ts';
import { differenceBefore } from './baseline-state.ts';
import { leakedOf } from './contact.ts';
import { plannedShare, switchedShare } from './keys.ts';
import type { JudgeState } from './state.ts';
import { percent, plural, significant } from './words.ts';

/** Share of users seen in both arms beyond which nothing can be compared. */
const mostSwitched = 0.01;

/** Sample ratio of the distinct users: as the shares are by design (F3). */
export function sampleRatioOf(state: JudgeState): { readonly control: number; readonly experiment: number; readonly p: number } {
  const { control, experiment } = state.keys.seen;
  const planned = plannedShare(state.criteria.spec);
  return { control, experiment, p: control + experiment === 0 ? 1 : sampleRatio([control, experiment], [1 - planned, planned]).p };
}

/** In plain words what makes the arms incomparable; empty when nothing does. Most telling first. */
export function armsUnequal(state: JudgeState, accepts: readonly Accept[]): readonly string[] {
  const { criteria } = state;
  const reasons: string[] = [];
  if (nothingInjected(state)) reasons.push('nothing was injected: the scenario described no change, so there is nothing to compare');
  const leaked = leakedOf(state.contact, criteria, accepts);
  if (leaked > 0) reasons.push(leakWords(state, leaked));
  const before = differenceBefore(state.baseline, state.keys);
  if (before !== null) reasons.push(before);
  const { control, experiment, p } = sampleRatioOf(state);
  if (p < alphaLedger(criteria.spec.alpha).voidSampleRatio) {
    reasons.push(`users were not split as planned: ${control} in control, ${experiment} in the experiment (p = ${significant(p)})`);
  }
  const switched = switchedShare(state.keys);
  if (switched > mostSwitched) reasons.push(`${plural(state.keys.switched, 'user')} (${percent(switched)}) changed arms during the run`);
  return reasons;
}

/** A scenario that should change something and described no change. */
export function nothingInjected(state: Pick<JudgeState, 'criteria'>): boolean {
  const { act, changes, spec } = state.criteria;
  return spec.fault && act === 'change' && changes === 0;
}

/** Control's instances were away for too long; null while they are there. */
export function controlUnhealthy(state: JudgeState): string | null {
  const { spec } = state.criteria;
  if (state.health.control < unhealthyForSeconds) return null;
  return `control, which was not changed, has been without all of its ${plural(spec.instances * timesOf(spec, 'control'), 'healthy instance')} for ${state.health.control} s`;
}

function leakWords(state: JudgeState, leaked: number): string {
  const { contact, criteria } = state;
  const control = contact.metBefore.control + contact.met.control;
  if (control > 0) return `the fault reached control: ${plural(control, 'call')} of control met it`;
  if (contact.metBefore.experiment > 0)
    return `the experiment met a fault ${plural(contact.metBefore.experiment, 'time')} before any was made`;
  if (!criteria.spec.fault) return `a rehearsal without fault met one ${plural(leaked, 'time')}`;
  return `forged tokens reached control: ${leaked}, where only the experiment may get them`;
}

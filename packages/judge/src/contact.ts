import type { Accept, Block, Criteria } from '@haldane/core';
import { addByArm, type ByArm, noneByArm } from './block-sums.ts';

/** Who met the fault, and when. */
export type ContactState = {
  /** Dependency calls that met a fault, by arm, before and since the change. */
  readonly metBefore: ByArm<number>;
  readonly met: ByArm<number>;
  /** Hostile requests sent since the change. */
  readonly hostile: ByArm<number>;
  readonly calls: ByArm<number>;
};

export const noContact: ContactState = { metBefore: noneByArm, met: noneByArm, hostile: noneByArm, calls: noneByArm };

/** Before the change is all that the baseline saw; what comes while the change is being made already belongs to it. */
export function stepContact(state: ContactState, block: Block): ContactState {
  if (block.phase === 'baseline') return { ...state, metBefore: addByArm(state.metBefore, block.met) };
  return {
    ...state,
    met: addByArm(state.met, block.met),
    hostile: addByArm(state.hostile, { control: block.hostile.control.sent, experiment: block.hostile.experiment.sent }),
    calls: addByArm(state.calls, block.dependencyCalls),
  };
}

/** How often the experiment met the harmful change. */
export function contactOf(state: ContactState, criteria: Criteria): number {
  return criteria.contactUnit === 'hostile-request' ? state.hostile.experiment : state.met.experiment;
}

/**
 * How often the fault was seen where it must not be: in control, or anywhere without a change. When the hostile request is itself
 * the change, control may get one only as the confirmation of an accept.
 */
export function leakedOf(state: ContactState, criteria: Criteria, accepts: readonly Accept[]): number {
  const unmade = state.metBefore.experiment + (criteria.spec.fault ? 0 : state.met.experiment);
  const inControl = state.metBefore.control + state.met.control;
  const confirmations = accepts.filter((accept) => accept.confirmation !== null).length;
  const hostile = criteria.act === 'request' ? Math.max(0, state.hostile.control - confirmations) : 0;
  return unmade + inControl + hostile;
}

import { type Arm, type Block, type Criteria, timesOf } from '@haldane/core';

/** Instances that were missing: seconds in a row up to now, by arm, in the phase at hand. */
export type HealthState = { readonly control: number; readonly experiment: number; readonly experimentSeconds: number };

export const healthy: HealthState = { control: 0, experiment: 0, experimentSeconds: 0 };

/** One late health check is not a dead instance; this many seconds in a row are. */
export const unhealthyForSeconds = 3;

export function stepHealth(state: HealthState, block: Block, criteria: Criteria, fresh: boolean): HealthState {
  const wanted = (arm: Arm) => criteria.spec.instances * timesOf(criteria.spec, arm);
  const missing = (arm: Arm) => (block.healthy[arm] >= wanted(arm) ? 0 : (fresh ? 0 : state[arm]) + 1);
  return {
    control: missing('control'),
    experiment: missing('experiment'),
    experimentSeconds: state.experimentSeconds + (block.healthy.experiment >= wanted('experiment') ? 0 : 1),
  };
}

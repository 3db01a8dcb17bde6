import { type Block, type ExperimentSpec, timesOf } from '@haldane/core';
import { addByArm, type ByArm, noneByArm } from './block-sums.ts';

/** Distinct users of the whole run, as far as they can be told: seen and failed by arm, and those that were seen in both. */
export type Keys = { readonly seen: ByArm<number>; readonly failed: ByArm<number>; readonly switched: number };

export const noKeys: Keys = { seen: noneByArm, failed: noneByArm, switched: 0 };

export function stepKeys(keys: Keys, block: Block): Keys {
  return {
    seen: addByArm(keys.seen, block.keys),
    failed: addByArm(keys.failed, block.failedKeys),
    switched: keys.switched + block.switched,
  };
}

/** Share of keys that were ever in both arms. */
export function switchedShare(keys: Keys): number {
  return keys.switched === 0 ? 0 : keys.switched / Math.max(1, keys.seen.control + keys.seen.experiment);
}

/**
 * The experiment's share of the users who have not failed yet, arrivals of this block included: who failed in this block must not
 * be looked at. As planned when nobody is known.
 */
export function atRiskShare(before: Keys, arrivals: ByArm<number>, spec: ExperimentSpec): number {
  const experiment = Math.max(0, before.seen.experiment + arrivals.experiment - before.failed.experiment);
  const control = Math.max(0, before.seen.control + arrivals.control - before.failed.control);
  // With nobody left to fail on a side, what fails there was never announced: the design's share is the honest one.
  return experiment === 0 || control === 0 ? plannedShare(spec) : experiment / (experiment + control);
}

/** The experiment's part of the users in both arms, by design. */
export function plannedShare(spec: Pick<ExperimentSpec, 'controlTimes'>): number {
  return 1 / (1 + timesOf(spec, 'control'));
}

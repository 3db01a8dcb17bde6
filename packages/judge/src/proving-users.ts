import type { Block, Criteria } from '@haldane/core';
import { beginProportionTest, crossed, type ProportionTest, stepProportionTest } from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import { type ByArm, failedProbes } from './block-sums.ts';

/**
 * Synthetic users while no real one is exposed. Kept apart from the comparison while observing, at its own share of alpha: it speaks
 * only for a run that ended before real users came back.
 */
export type ProvingUsers = { readonly sent: ByArm<number>; readonly failed: ByArm<number>; readonly test: ProportionTest };

export function beginProvingUsers(criteria: Criteria): ProvingUsers {
  const { spec } = criteria;
  return {
    sent: { control: 0, experiment: 0 },
    failed: { control: 0, experiment: 0 },
    test: beginProportionTest({
      alpha: alphaLedger(spec.alpha).proving,
      psi0: spec.tolerance.odds,
      onset: { first: 0.8, horizon: Math.max(1, Math.ceil(spec.watchSeconds)) },
      interval: false,
    }),
  };
}

export function stepProvingUsers(state: ProvingUsers, block: Block): ProvingUsers {
  const failed = { control: failedProbes(block.legitimate.control), experiment: failedProbes(block.legitimate.experiment) };
  const sent = { control: block.legitimate.control.sent, experiment: block.legitimate.experiment.sent };
  return {
    sent: { control: state.sent.control + sent.control, experiment: state.sent.experiment + sent.experiment },
    failed: { control: state.failed.control + failed.control, experiment: state.failed.experiment + failed.experiment },
    test: stepProportionTest(state.test, { xe: failed.experiment, ne: sent.experiment, xc: failed.control, nc: sent.control }),
  };
}

/** Whether synthetic users were provably failed before any real user came back. */
export function provingUsersFailed(state: ProvingUsers): boolean {
  return crossed(state.test);
}

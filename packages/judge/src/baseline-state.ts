import { arms, type Block, type Criteria, type ProbeTally, type Tally, timesOf } from '@haldane/core';
import {
  beginCountTest,
  beginProportionTest,
  type CountTest,
  crossed,
  type ProportionTest,
  stepCountTest,
  stepProportionTest,
} from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import { addProbes, addTallies, type ByArm, type ByRole, failedProbes, noProbes, noTallies } from './block-sums.ts';
import { atRiskShare, type Keys } from './keys.ts';
import { noWarmUp, stepWarmUp, type WarmUp } from './latency-guard.ts';
import { type InstanceTally, noInstances, stepInstances } from './spread.ts';

/** The time before the change: what normal is, and whether the arms are equal. */
export type BaselineState = {
  readonly seconds: number;
  /** Seconds with every instance healthy and requests flowing. */
  readonly good: number;
  readonly unhealthy: number;
  readonly real: ByRole<Tally>;
  readonly failedKeys: ByArm<number>;
  readonly legitimate: ByArm<ProbeTally>;
  /** How long control's answers take when all is well. */
  readonly warmUp: WarmUp;
  /** Requests and failures by instance; null while nobody can tell instances apart. */
  readonly instances: InstanceTally | null;
  /** A/A: is either arm worse before anything was changed? */
  readonly more: { readonly keys: CountTest; readonly requests: ProportionTest; readonly legitimate: ProportionTest };
  readonly fewer: { readonly keys: CountTest; readonly requests: ProportionTest; readonly legitimate: ProportionTest };
};

export function beginBaseline(criteria: Criteria): BaselineState {
  // Two directions and two streams share the level; users are told by keys or by requests, never by both.
  const alpha = alphaLedger(criteria.spec.alpha).voidBaseline / 4;
  const tests = (direction: 'more' | 'fewer') => ({
    keys: beginCountTest({ alpha, direction, interval: false }),
    requests: beginProportionTest({ alpha, direction, interval: false }),
    legitimate: beginProportionTest({ alpha, direction, interval: false }),
  });
  return {
    seconds: 0,
    good: 0,
    unhealthy: 0,
    real: noTallies,
    failedKeys: { control: 0, experiment: 0 },
    legitimate: noProbes,
    warmUp: noWarmUp,
    instances: noInstances,
    more: tests('more'),
    fewer: tests('fewer'),
  };
}

export function stepBaseline(state: BaselineState, block: Block, criteria: Criteria, before: Keys): BaselineState {
  const { spec } = criteria;
  const healthy = arms.every((arm) => block.healthy[arm] >= spec.instances * timesOf(spec, arm));
  const real = addTallies(state.real, block.real);
  const flowing =
    spec.exposure === 'synthetic'
      ? block.legitimate.control.sent + block.legitimate.experiment.sent > 0
      : real.control.requests + real.experiment.requests > 0;
  const keys = { xe: block.failedKeys.experiment, xc: block.failedKeys.control, shareE: atRiskShare(before, block.keys, spec) };
  const { experiment, control } = block.real;
  const requests = {
    xe: Math.min(experiment.requests, experiment.failures),
    ne: experiment.requests,
    xc: Math.min(control.requests, control.failures),
    nc: control.requests,
  };
  const legitimate = {
    xe: failedProbes(block.legitimate.experiment),
    ne: block.legitimate.experiment.sent,
    xc: failedProbes(block.legitimate.control),
    nc: block.legitimate.control.sent,
  };
  const known = before.seen.control + before.seen.experiment + block.keys.control + block.keys.experiment > 0;
  const step = (tests: BaselineState['more']) => ({
    keys: known ? stepCountTest(tests.keys, keys) : tests.keys,
    requests: known ? tests.requests : stepProportionTest(tests.requests, requests),
    legitimate: stepProportionTest(tests.legitimate, legitimate),
  });
  return {
    seconds: state.seconds + 1,
    good: state.good + (healthy && flowing ? 1 : 0),
    unhealthy: state.unhealthy + (healthy ? 0 : 1),
    real,
    failedKeys: { control: state.failedKeys.control + keys.xc, experiment: state.failedKeys.experiment + keys.xe },
    legitimate: addProbes(state.legitimate, block.legitimate),
    warmUp: stepWarmUp(state.warmUp, block),
    instances: stepInstances(state.instances, block),
    more: step(state.more),
    fewer: step(state.fewer),
  };
}

/** In plain words how the arms were shown to differ before any change; null when they were not. */
export function differenceBefore(state: BaselineState, keys: Keys): string | null {
  const unit = keys.seen.control + keys.seen.experiment > 0 ? 'keys' : 'requests';
  if (crossed(state.more[unit]) || crossed(state.fewer[unit])) {
    const failed =
      unit === 'keys' ? state.failedKeys : { control: state.real.control.failures, experiment: state.real.experiment.failures };
    return `the arms differed before any change: ${failed.experiment} ${unit === 'keys' ? 'users' : 'requests'} failed in the experiment, ${failed.control} in control`;
  }
  if (crossed(state.more.legitimate) || crossed(state.fewer.legitimate)) {
    const { control, experiment } = state.legitimate;
    return `the arms differed before any change: ${failedProbes(experiment)} of ${experiment.sent} synthetic users failed in the experiment, ${failedProbes(control)} of ${control.sent} in control`;
  }
  return null;
}

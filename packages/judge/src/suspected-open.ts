import type { Block, Criteria, ProbeTally } from '@haldane/core';
import {
  beginCountTest,
  beginProportionTest,
  type CountTest,
  crossed,
  type ProportionTest,
  stepCountTest,
  stepProportionTest,
  upperRate,
} from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import { type ByArm, denials, undeniedAnswers } from './block-sums.ts';
import { plural } from './words.ts';

/**
 * Denials that fell: a door that may stand open without anybody having been seen to walk through it. Hostile answers that are
 * neither refusals nor breakdowns are tested against control and against the baseline; real denials against control.
 */
export type OpenState = {
  readonly bound: number;
  readonly undenied: ByArm<number>;
  readonly answered: ByArm<number>;
  readonly hostile: ProportionTest;
  readonly hostileBefore: CountTest;
  readonly denied: ByArm<number>;
  readonly requests: ByArm<number>;
  /** Seconds in which control refused somebody real: one burst of one user is not a pattern. */
  readonly denyingSeconds: number;
  readonly real: ProportionTest;
};

/** Real denials must at least halve, and control must have refused somebody in this many seconds. */
const realOdds = 2;
const denyingSeconds = 5;

export function beginOpen(criteria: Criteria, before: ByArm<ProbeTally>): OpenState {
  const alpha = alphaLedger(criteria.spec.alpha).open;
  const onset = { first: 0.8, horizon: Math.max(1, Math.ceil(criteria.spec.watchSeconds)) };
  const experiment = undeniedAnswers(before.experiment);
  const control = undeniedAnswers(before.control);
  const answered = experiment.answered + control.answered;
  return {
    bound: answered === 0 ? 1 : upperRate(experiment.undenied + control.undenied, answered, alpha / 8),
    undenied: { control: 0, experiment: 0 },
    answered: { control: 0, experiment: 0 },
    hostile: beginProportionTest({ alpha: alpha / 4, onset, interval: false }),
    hostileBefore: beginCountTest({ alpha: alpha / 8, psi0: realOdds, onset, interval: false }),
    denied: { control: 0, experiment: 0 },
    requests: { control: 0, experiment: 0 },
    denyingSeconds: 0,
    real: beginProportionTest({ alpha: alpha / 2, psi0: realOdds, direction: 'fewer', onset, interval: false }),
  };
}

/** One block after the change. Where the hostile request is itself the change, control gets none: there is nothing to compare. */
export function stepOpen(state: OpenState, block: Block, criteria: Criteria): OpenState {
  const e = undeniedAnswers(block.hostile.experiment);
  const c = undeniedAnswers(block.hostile.control);
  const compared = criteria.act === 'change';
  const denied = { control: denials(block.real.control), experiment: denials(block.real.experiment) };
  return {
    ...state,
    undenied: { control: state.undenied.control + c.undenied, experiment: state.undenied.experiment + e.undenied },
    answered: { control: state.answered.control + c.answered, experiment: state.answered.experiment + e.answered },
    hostile: compared
      ? stepProportionTest(state.hostile, { xe: e.undenied, ne: e.answered, xc: c.undenied, nc: c.answered })
      : state.hostile,
    hostileBefore:
      compared && state.bound < 1
        ? stepCountTest(state.hostileBefore, { xe: e.undenied, xc: e.answered - e.undenied, shareE: state.bound })
        : state.hostileBefore,
    denied: { control: state.denied.control + denied.control, experiment: state.denied.experiment + denied.experiment },
    requests: {
      control: state.requests.control + block.real.control.requests,
      experiment: state.requests.experiment + block.real.experiment.requests,
    },
    denyingSeconds: state.denyingSeconds + (denied.control > 0 ? 1 : 0),
    real: stepProportionTest(state.real, {
      xe: denied.experiment,
      ne: block.real.experiment.requests,
      xc: denied.control,
      nc: block.real.control.requests,
    }),
  };
}

/** In plain words why a door may stand open; null while nothing says so. */
export function suspectedOpen(state: OpenState | null): string | null {
  if (state === null) return null;
  if (crossed(state.hostile) || crossed(state.hostileBefore)) {
    return `forged tokens were refused less often in the experiment: ${state.undenied.experiment} of ${plural(state.answered.experiment, 'answer')} were no refusal, in control ${state.undenied.control} of ${state.answered.control}`;
  }
  if (crossed(state.real) && state.denyingSeconds >= denyingSeconds) {
    return `real users were refused less often in the experiment: ${state.denied.experiment} of ${plural(state.requests.experiment, 'request')}, in control ${state.denied.control} of ${state.requests.control}`;
  }
  return null;
}

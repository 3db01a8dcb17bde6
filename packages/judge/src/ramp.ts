import { type Block, type Criteria, plainSlice } from '@haldane/core';
import { addByArm, type ByArm, noneByArm } from './block-sums.ts';
import type { HarmState } from './harm.ts';
import { plural } from './words.ts';

/** Where on the ramp the watch is: stages passed, and what the present one has shown so far. */
export type RampState = {
  readonly passed: number;
  readonly seconds: number;
  readonly requests: ByArm<number>;
  /** Whether this block ended a stage: then more users may come. */
  readonly widens: boolean;
};

export const footOfRamp: RampState = { passed: 0, seconds: 0, requests: noneByArm, widens: false };

/**
 * One observed block further. A stage ends when it lasted as long as it must, both arms answered as many requests as it asks for, and the
 * e-process of harm stands at 1 or below: nothing that was seen so far speaks for harm beyond the tolerance. Looking at it as often as one
 * likes costs nothing, and a share that grows for both arms alike leaves the test valid: given a failure, whose it is does not depend on
 * how many users there are.
 */
export function stepRamp(ramp: RampState, block: Block, harm: HarmState, { spec }: Criteria): RampState {
  const stage = (spec.slice ?? plainSlice).ramp[ramp.passed];
  if (stage === undefined) return ramp.widens ? { ...ramp, widens: false } : ramp;
  const answered = { control: block.real.control.requests, experiment: block.real.experiment.requests };
  const seconds = ramp.seconds + 1;
  const requests = addByArm(ramp.requests, answered);
  const enough = seconds >= stage.seconds && Math.min(requests.control, requests.experiment) >= stage.requests;
  if (!enough || harm.logE > 0) return { passed: ramp.passed, seconds, requests, widens: false };
  return { passed: ramp.passed + 1, seconds: 0, requests: noneByArm, widens: true };
}

/** Why more users may come, in plain words; null while they may not. */
export function whyWiden({ passed, widens }: RampState, { spec }: Criteria): string | null {
  if (!widens) return null;
  const { ramp } = spec.slice ?? plainSlice;
  const stage = ramp[passed - 1];
  const next = ramp[passed]?.share ?? spec.share;
  return `${plural(stage?.requests ?? 0, 'request')} an arm at ${percent(stage?.share ?? 0)} and nothing speaks for harm: on to ${percent(next)}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

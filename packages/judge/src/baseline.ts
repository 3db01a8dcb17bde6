import type { Accept, Decision } from '@haldane/core';
import { armsUnequal } from './arms-unequal.ts';
import { failedProbes } from './block-sums.ts';
import { firstStop } from './first-stop.ts';
import { breachOf } from './hostile.ts';
import { budgetSpent, dataGap } from './limits.ts';
import type { JudgeState } from './state.ts';
import { plural } from './words.ts';

/** Of ten synthetic users, so many must be served in each arm before anything is changed. */
const servedOfTen = 9;

/** Baseline: `next` once enough good seconds show two equal arms that serve whom they should and refuse whom they should. */
export function decideBaseline(state: JudgeState, accepts: readonly Accept[]): Decision {
  const { criteria, baseline } = state;
  const stop = firstStop([
    ['breach', breachOf(state.hostile, accepts)?.why ?? null],
    ['invalid-arms', armsUnequal(state, accepts)[0] ?? null],
    ['budget-spent', budgetSpent(state.budget)],
    ['metrics-unavailable', dataGap(state)],
  ]);
  if (stop !== null) return stop;

  const wanted = criteria.spec.baselineSeconds;
  const missing = stillMissing(state);
  if (baseline.good >= wanted && missing === null) {
    const broken = brokenBefore(state);
    if (broken !== null) return { do: 'stop', reason: 'invalid-arms', why: broken };
    return { do: 'next', why: `${baseline.good} s without a difference between the arms` };
  }
  const waitsFor = missing ?? (baseline.unhealthy > 0 ? 'not every instance is healthy' : 'no request reaches the arms yet');
  if (baseline.seconds >= 3 * wanted) {
    const why = `after ${baseline.seconds} s there were ${baseline.good} good seconds of the ${wanted} that are needed: ${waitsFor}`;
    return { do: 'stop', reason: baseline.good < wanted && baseline.unhealthy > 0 ? 'invalid-arms' : 'metrics-unavailable', why };
  }
  return { do: 'go-on', progress: `${baseline.good} of ${wanted} good seconds${baseline.good < baseline.seconds ? `; ${waitsFor}` : ''}` };
}

/** What has to be seen in both arms and was not yet. */
function stillMissing(state: JudgeState): string | null {
  const { criteria, baseline, hostile } = state;
  const { spec } = criteria;
  for (const arm of ['control', 'experiment'] as const) {
    if (spec.exposure !== 'synthetic' && baseline.real[arm].requests === 0) return `no real request reached the ${arm} arm`;
    if (spec.probes.legitimateRate > 0 && baseline.legitimate[arm].sent === 0) return `no synthetic user reached the ${arm} arm`;
    if (criteria.act === 'change' && spec.probes.hostileRate > 0 && hostile.before[arm].sent === 0)
      return `no forged token reached the ${arm} arm`;
  }
  return null;
}

/** What is broken before anything was changed. */
function brokenBefore(state: JudgeState): string | null {
  const { criteria, baseline, hostile } = state;
  for (const arm of ['control', 'experiment'] as const) {
    const legitimate = baseline.legitimate[arm];
    if (legitimate.sent > 0 && 10 * (legitimate.sent - failedProbes(legitimate)) < servedOfTen * legitimate.sent) {
      return `${failedProbes(legitimate)} of ${plural(legitimate.sent, 'synthetic user')} failed in the ${arm} arm before any change: check the identities and requests under synthetic`;
    }
    const { sent, denied } = hostile.before[arm];
    if (criteria.act === 'change' && sent > 0 && denied === 0) {
      return `none of ${plural(sent, 'forged token')} got a clean refusal in the ${arm} arm before any change: what it is when all is well cannot be told`;
    }
  }
  return null;
}

import type { Block, Criteria } from '@haldane/core';
import { beginCountTest, type CountTest, crossed, stepCountTest, upperRate } from '@haldane/statistics';
import { alphaLedger } from './alpha-ledger.ts';
import type { BaselineState } from './baseline-state.ts';
import { failedProbes } from './block-sums.ts';
import { plural } from './words.ts';

/** What must stay in its baseline band after the change. */
type Watched = { readonly bound: number; readonly failed: number; readonly of: number; readonly test: CountTest };

/** Production, control and control's synthetic users, each against its own baseline. */
export type SpilloverState = {
  readonly production: Watched;
  readonly control: Watched;
  readonly synthetic: Watched;
  readonly byKeys: boolean;
};

/**
 * Freezes each band at the end of the baseline: the upper bound of its failure rate at half the level. The other half watches what
 * comes after. The test is the binomial one: failures among requests have exactly the law of events among two groups of which one
 * holds that share.
 */
export function beginSpillover(criteria: Criteria, baseline: BaselineState, byKeys: boolean): SpilloverState {
  const alpha = alphaLedger(criteria.spec.alpha).voidSpillover / 6;
  const watch = (failed: number, of: number): Watched => ({
    bound: of === 0 ? 1 : upperRate(Math.min(failed, of), of, alpha),
    failed: 0,
    of: 0,
    test: beginCountTest({
      alpha,
      psi0: criteria.spec.tolerance.odds,
      onset: { first: 0.8, horizon: Math.max(1, Math.ceil(criteria.spec.watchSeconds)) },
      interval: false,
    }),
  });
  const { production, control } = baseline.real;
  return {
    production: watch(production.failures, production.requests),
    control: watch(byKeys ? baseline.failedKeys.control : control.failures, control.requests),
    synthetic: watch(failedProbes(baseline.legitimate.control), baseline.legitimate.control.sent),
    byKeys,
  };
}

/** One block after the change. Control's own streams count only while observing: before, a restart of both arms may be part of the act. */
export function stepSpillover(state: SpilloverState, block: Block): SpilloverState {
  const { production, control } = block.real;
  const next = { ...state, production: step(state.production, production.failures, production.requests) };
  if (block.phase !== 'observing') return next;
  return {
    ...next,
    control: step(state.control, state.byKeys ? block.failedKeys.control : control.failures, control.requests),
    synthetic: step(state.synthetic, failedProbes(block.legitimate.control), block.legitimate.control.sent),
  };
}

function step(watched: Watched, failures: number, requests: number): Watched {
  const failed = Math.min(failures, requests);
  return {
    ...watched,
    failed: watched.failed + failed,
    of: watched.of + requests,
    test: watched.bound >= 1 ? watched.test : stepCountTest(watched.test, { xe: failed, xc: requests - failed, shareE: watched.bound }),
  };
}

/** In plain words what left its band; null while all stay in it. */
export function spilledOver(state: SpilloverState | null): string | null {
  if (state === null) return null;
  const words = (who: string, watched: Watched) =>
    `${who} left its baseline after the change: ${plural(watched.failed, 'failure')} in ${plural(watched.of, 'request')}, where the baseline allowed ${(watched.bound * 100).toPrecision(2)} %: harm escaped, or something else broke`;
  if (crossed(state.production.test)) return words('production', state.production);
  if (crossed(state.control.test)) return words('control', state.control);
  if (crossed(state.synthetic.test)) return words("control's synthetic traffic", state.synthetic);
  return null;
}

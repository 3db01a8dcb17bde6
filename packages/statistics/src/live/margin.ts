import type { ArmCounts } from './arm-counts.ts';
import { beginExcess, type ExcessOptions, type ExcessState, excessBounds, stepExcess } from './excess-failures.ts';

/**
 * The absolute (or combined) margin p_e ≤ (1 + rho)·p_c + delta as a running test (3.9): F30 with r' = (1 + rho)·r. Plain JSON.
 */
export type MarginState = { readonly rho: number; readonly delta: number; readonly excess: ExcessState };

/** `delta` is the tolerated difference as a rate (0.001 = 0.1 percentage points), `rho` a tolerated relative rise on top; 0 for none. */
export function beginMargin(delta: number, rho = 0): MarginState {
  if (!(delta >= 0 && rho >= 0 && delta + rho > 0))
    throw new RangeError(`delta=${delta}, rho=${rho}: give margins of at least 0, one of them above 0`);
  return { rho, delta, excess: beginExcess() };
}

/** One closed block further. */
export function stepMargin(state: MarginState, block: ArmCounts): MarginState {
  const { ne, nc } = block;
  // Each block's own ratio, stretched: a fresh one-block state with that ratio does the sums.
  if (nc === 0) return { ...state, excess: stepExcess(state.excess, block) };
  const one = stepExcess(beginExcess(ne === 0 ? null : ((1 + state.rho) * ne) / nc), block);
  const { excess } = state;
  return {
    ...state,
    excess: {
      ...excess,
      excess: excess.excess + one.excess,
      variance: excess.variance + one.variance,
      scale: Math.max(excess.scale, one.scale),
      requests: excess.requests + one.requests,
    },
  };
}

/** True when the experiment is shown to be within the margin: the upper bound of the excess is below delta·n_e. */
export function marginShown(state: MarginState, options: ExcessOptions): boolean {
  return state.excess.requests > 0 && excessBounds(state.excess, options).high < state.delta * state.excess.requests;
}

/** True when the experiment is shown to be beyond the margin: the lower bound of the excess is above delta·n_e. */
export function marginExceeded(state: MarginState, options: ExcessOptions): boolean {
  return state.excess.requests > 0 && excessBounds(state.excess, options).low > state.delta * state.excess.requests;
}

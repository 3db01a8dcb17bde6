import { logSumExp } from '../special/log-sum-exp.ts';
import type { MixtureTest } from './mixture-test.ts';
import { gridPoints } from './odds-ratio-grid.ts';

/** `high` is null when nothing bounds the odds ratio from above yet. */
export type OddsRatioInterval = { readonly low: number; readonly high: number | null; readonly level: number };

/**
 * A confidence sequence for the odds ratio of experiment over control, on the 33-point grid (specification 3.1): true at
 * every block at once with chance `level`, half of the rest for each side. Report this, not the ratio seen at the stop,
 * which is biased upward. The limits are grid points, so they are a little wide: 0 to null says nothing is known.
 */
export function oddsRatioInterval(state: MixtureTest, level: number): OddsRatioInterval {
  if (!(level > 0 && level < 1)) throw new RangeError(`level is ${level}; give a confidence strictly between 0 and 1 (0.95)`);
  if (state.logGrid === null) throw new RangeError('oddsRatioInterval: this test keeps no interval; begin it with interval: true');
  const logGrid = state.logGrid;
  const goal = -Math.log((1 - level) / 2);
  let low = 0;
  for (let i = logGrid.length - 2; i >= 0; i--) {
    const above = logGrid.slice(i + 1);
    if (logSumExp(above) - Math.log(above.length) - (logGrid[i] as number) >= goal) {
      low = gridPoints[i] as number;
      break;
    }
  }
  let high: number | null = null;
  for (let i = 1; i < logGrid.length; i++) {
    const below = logGrid.slice(0, i);
    if (logSumExp(below) - Math.log(below.length) - (logGrid[i] as number) >= goal) {
      high = gridPoints[i] as number;
      break;
    }
  }
  return { low, high, level };
}

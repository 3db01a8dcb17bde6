import { type Random, randomOf } from './random.ts';

/** A measured number and its standard error. */
export type Measured = { readonly value: number; readonly error: number };

/** The share of runs that stopped. With none at all, or all, the error is that of one run more. */
export function shareStopped(stops: readonly (number | null)[]): Measured {
  const n = stops.length;
  const value = stops.filter((stop) => stop !== null).length / n;
  const careful = Math.min(1 - 0.5 / n, Math.max(0.5 / n, value));
  return { value, error: Math.sqrt((careful * (1 - careful)) / n) };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The 95th percentile: the smallest value that 95 % do not exceed. */
export function p95(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(0.95 * sorted.length) - 1] ?? Number.NaN;
}

const resamples = 100;

/**
 * A statistic of paired lists (both made by the same runs) with the standard error that resampling the runs gives: seeded, so
 * that it is the same each time.
 */
export function resampled(
  a: readonly number[],
  b: readonly number[],
  statistic: (a: readonly number[], b: readonly number[]) => number,
): Measured {
  const random: Random = randomOf(a.length, b.length, 95);
  const values: number[] = [];
  for (let i = 0; i < resamples; i++) {
    const chosen = a.map(() => Math.floor(random() * a.length));
    values.push(
      statistic(
        chosen.map((at) => a[at] as number),
        chosen.map((at) => b[at] as number),
      ),
    );
  }
  const centre = mean(values);
  return { value: statistic(a, b), error: Math.sqrt(mean(values.map((value) => (value - centre) ** 2))) };
}

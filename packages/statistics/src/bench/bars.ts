import type { Measured } from './measure.ts';

/** One bar of the specification's section 5, and how a run of the benchmark stands to it. */
export type Bar = {
  readonly name: string;
  readonly measured: Measured;
  readonly most: number;
  readonly verdict: 'met' | 'within error' | 'MISSED';
};

/** How many standard errors beyond a bar still count as chance. */
const allowance = 3;

/** A bar from above. It is missed only when chance does not explain it; between the two it says so. */
export function atMost(name: string, measured: Measured, most: number): Bar {
  const verdict = measured.value <= most ? 'met' : measured.value - allowance * measured.error <= most ? 'within error' : 'MISSED';
  return { name, measured, most, verdict };
}

/** A bar from below on something that is measured once, without an error worth naming. */
export function atLeast(name: string, value: number, least: number): Bar {
  return { name, measured: { value, error: 0 }, most: least, verdict: value >= least ? 'met' : 'MISSED' };
}

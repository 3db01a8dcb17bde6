import { lnGamma } from '../special/ln-gamma.ts';
import type { Random } from './random.ts';

/** A law on whole numbers as a table of cumulative chances from `from` on: a draw is a look-up. */
export type Table = { readonly from: number; readonly cumulative: Float64Array };

/** Chances below this are cut from both ends of a table: no simulation here has so many draws. */
const negligible = 1e-15;

function tableOf(mode: number, most: number, logChance: (k: number) => number): Table {
  let from = mode;
  while (from > 0 && logChance(from - 1) > Math.log(negligible)) from -= 1;
  const chances: number[] = [];
  for (let k = from; k <= most && (k <= mode || logChance(k) > Math.log(negligible)); k++) chances.push(Math.exp(logChance(k)));
  let sum = 0;
  const cumulative = Float64Array.from(chances, (chance) => (sum += chance));
  cumulative[cumulative.length - 1] = 1;
  return { from, cumulative };
}

const kept = new Map<string, Table>();

/** Laws are made once: simulated worlds come back to the same ones each second. */
function keep(key: string, make: () => Table): Table {
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = make();
  kept.set(key, made);
  return made;
}

/** The number of failures among n at rate p. */
export function binomial(n: number, p: number): Table {
  return keep(`binomial ${n} ${p}`, () =>
    tableOf(
      Math.floor((n + 1) * p),
      n,
      (k) => lnGamma(n + 1) - lnGamma(k + 1) - lnGamma(n - k + 1) + (k === 0 ? 0 : k * Math.log(p)) + (n - k) * Math.log1p(-p),
    ),
  );
}

/** A Poisson number. */
export function poisson(mean: number): Table {
  return keep(`poisson ${mean}`, () =>
    tableOf(Math.floor(mean), Number.POSITIVE_INFINITY, (k) => (k === 0 ? 0 : k * Math.log(mean)) - mean - lnGamma(k + 1)),
  );
}

/** One draw. */
export function draw({ from, cumulative }: Table, random: Random): number {
  const u = random();
  if (u < (cumulative[0] as number)) return from;
  let low = 0;
  let high = cumulative.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (u < (cumulative[middle] as number)) high = middle;
    else low = middle;
  }
  return from + high;
}

import fc from 'fast-check';
import { test } from 'tap';
import { logBetaBinomialE, logBetaBinomialOneSidedE } from '../classic/beta-binomial-test.ts';
import { bettingLogWealth } from '../classic/betting.ts';
import { logGammaPoissonE } from '../classic/gamma-poisson.ts';
import { logSafeTwoByTwo } from '../classic/safe-two-by-two.ts';
import { logSymmetryE } from '../classic/symmetry.ts';
import { logTimeToAlertE } from '../classic/time-to-alert.ts';
import { createHistogram, recordLatency } from '../histogram/histogram.ts';
import { logEMean } from '../many/e-values.ts';
import { eventsGivenShare, failuresGivenRequests } from './block-law.ts';
import { beginCountTest, stepCountTest } from './count-test.ts';
import { beginExcess, excessBounds, stepExcess } from './excess-failures.ts';
import { beginLatencyTest, latencyLogE, stepLatencyTest } from './latency-test.ts';
import { beginMargin, marginExceeded, marginShown, stepMargin } from './margin.ts';
import { gridPoints } from './odds-ratio-grid.ts';
import { oddsRatioInterval } from './odds-ratio-interval.ts';
import { beginProportionTest, type ProportionTest, stepProportionTest } from './proportion-test.ts';

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}

/** Every list of n values out of `values`. */
function lists<T>(values: readonly T[], n: number): T[][] {
  return n === 0 ? [[]] : lists(values, n - 1).flatMap((list) => values.map((value) => [...list, value]));
}

const near1 = (value: number, within = 1e-12): boolean => Math.abs(value - 1) < within;

test('the tests for one stream have an expected E of 1 under their null, over every outcome', async (t) => {
  const theta0 = 0.3;
  let two = 0;
  let one = 0;
  for (let x = 0; x <= 12; x++) {
    const p = choose(12, x) * theta0 ** x * (1 - theta0) ** (12 - x);
    two += p * Math.exp(logBetaBinomialE(x, 12 - x, theta0, 30, 70));
    one += p * Math.exp(logBetaBinomialOneSidedE(x, 12 - x, theta0, 1, 1));
  }
  t.ok(near1(two), `beta-binomial ${two}`);
  t.ok(near1(one), `beta-binomial, restricted to more: ${one}`);

  const signs = lists([-1, 1], 6);
  const sizes = [3, 1, 4, 1, 5, 9];
  const bets = [0.1, 0.5, 0.2, 0.3, 0.05, 0.4];
  const symmetry = signs.reduce(
    (sum, sign) =>
      sum +
      Math.exp(
        logSymmetryE(
          sizes.map((size, i) => size * (sign[i] as number)),
          bets,
        ),
      ),
    0,
  );
  t.ok(near1(symmetry / signs.length), `symmetry ${symmetry / signs.length}`);

  const m = 0.4;
  const stakes = [0, 0.2, 0.4, 0, 0.2, 0.4, 0, 0.2];
  const betting = lists([0, 1], 8).reduce((sum, values) => {
    const p = values.reduce((product, value) => product * (value === 1 ? m : 1 - m), 1);
    return sum + p * Math.exp(bettingLogWealth(values, m, stakes));
  }, 0);
  t.ok(near1(betting), `betting ${betting}`);
});

test('the safe two by two test has an expected E of at most 1 whatever the common rate', async (t) => {
  for (const rate of [0.05, 0.3, 0.8]) {
    let mean = 0;
    for (const [a = 0, b = 0, c = 0, d = 0] of lists([0, 1, 2], 4)) {
      const p = [a, b, c, d].reduce((product, x) => product * choose(2, x) * rate ** x * (1 - rate) ** (2 - x), 1);
      mean += p * Math.exp(logSafeTwoByTwo([a, c], [b, d], 2, 2));
    }
    t.ok(mean <= 1 + 1e-9, `at ${rate}: ${mean}`);
  }
});

test('latency by exceedance has an expected E of 1 when it is chance alone who was slow', async (t) => {
  // Five latencies a block, two of them the experiment's: every way to give them out is as likely.
  const values = [20, 90, 150, 400, 1000];
  const ways = values.flatMap((_, i) => values.slice(i + 1).map((__, j) => [i, i + 1 + j] as const));
  const split = (way: readonly [number, number], mine: boolean) => {
    const histogram = createHistogram();
    for (const [i, value] of values.entries()) if (way.includes(i) === mine) recordLatency(histogram, value);
    return histogram;
  };
  const start = beginLatencyTest([80, 130, 350], { alpha: 0.05, interval: false });
  let mean = 0;
  for (const first of ways)
    for (const second of ways) {
      const once = stepLatencyTest(start, split(first, true), split(first, false));
      mean += Math.exp(latencyLogE(stepLatencyTest(once, split(second, true), split(second, false)))) / ways.length ** 2;
    }
  t.ok(near1(mean), `E = ${mean}`);
});

test('a Poisson stream at its rate has an expected E of 1, and a mean of e-values is one', async (t) => {
  let poisson = 0;
  let p = Math.exp(-3);
  for (let n = 0; n < 120; n++) {
    poisson += p * Math.exp(logGammaPoissonE(n, 2, 3));
    p *= 3 / (n + 1);
  }
  t.ok(near1(poisson, 1e-9), `gamma-Poisson ${poisson}`);
  let mean = 0;
  for (let x = 0; x <= 5; x++)
    for (let y = 0; y <= 5; y++) {
      const chance = (choose(5, x) * choose(5, y)) / 2 ** 10;
      mean += chance * Math.exp(logEMean([logBetaBinomialE(x, 5 - x, 0.5, 1, 1), logBetaBinomialE(y, 5 - y, 0.5, 9, 9)]));
    }
  t.ok(near1(mean), `mean ${mean}`);
  t.ok(Number.isFinite(logTimeToAlertE(1e9, 1e9, 1, 1, 1)), 'time to alert stays finite');
});

const block = fc
  .record({ ne: fc.integer({ min: 1, max: 60 }), nc: fc.integer({ min: 1, max: 60 }), a: fc.nat(60), b: fc.nat(60) })
  .map(({ ne, nc, a, b }) => ({ xe: a % (ne + 1), ne, xc: b % (nc + 1), nc }));
const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));

test('many odds ratios at once give bit for bit what one at a time gives', async () => {
  const psis = fc.array(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(block, psis, fc.constantFrom(1, 1000, 1_000_000), (one, grid, times) => {
      const logs = grid.map((psi) => Math.log(psi));
      const laws = [failuresGivenRequests(one.xe, one.ne * times, one.xc, one.nc * times), eventsGivenShare(one.xe, one.xc, 0.3)];
      return laws.every(
        (law) =>
          law === null || JSON.stringify(law.logLikelihoods(grid, logs)) === JSON.stringify(grid.map((psi) => law.logLikelihood(psi))),
      );
    }),
    { seed: 11, numRuns: 300 },
  );
});

test('blocks in another order leave E, the interval and the excess where they were', async () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 2, maxLength: 8 }), (blocks) => {
      const fold = (list: typeof blocks): ProportionTest => list.reduce(stepProportionTest, beginProportionTest({ alpha: 0.05 }));
      const [a, b] = [fold(blocks), fold([...blocks].reverse())];
      const excess = (list: typeof blocks) => excessBounds(list.reduce(stepExcess, beginExcess()), { alpha: 0.05 });
      const [c, d] = [excess(blocks), excess([...blocks].reverse())];
      return (
        close(a.logE, b.logE) &&
        (a.logGrid ?? []).every((value, i) => close(value, b.logGrid?.[i] ?? Number.NaN)) &&
        close(c.excess, d.excess) &&
        close(c.low, d.low) &&
        close(c.high, d.high)
      );
    }),
    { seed: 12, numRuns: 200 },
  );
});

test('swapped arms have mirrored likelihoods, and the interval holds the odds ratio that fits best', async () => {
  fc.assert(
    fc.property(block, fc.constantFrom(0.05, 0.5, 2, 30), ({ xe, ne, xc, nc }, psi) => {
      const law = failuresGivenRequests(xe, ne, xc, nc);
      const swapped = failuresGivenRequests(xc, nc, xe, ne);
      if (law === null || swapped === null) return law === swapped;
      return close(law.logLikelihood(psi) - law.logLikelihood(1), swapped.logLikelihood(1 / psi) - swapped.logLikelihood(1));
    }),
    { seed: 13, numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), (blocks) => {
      const state = blocks.reduce(stepProportionTest, beginProportionTest({ alpha: 0.05 }));
      const { low, high } = oddsRatioInterval(state, 0.9);
      const grid = state.logGrid ?? [];
      const best = gridPoints[grid.indexOf(Math.max(...grid))] as number;
      return low <= best && best <= (high ?? Number.POSITIVE_INFINITY);
    }),
    { seed: 15, numRuns: 200 },
  );
});

test('counts: more events in the experiment never lower E, and "fewer" is "more" with the arms swapped', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { maxLength: 6 }), fc.nat(30), fc.nat(30), (history, xe, xc) => {
      const fold = (list: readonly (readonly [number, number])[], direction: 'more' | 'fewer') =>
        list.reduce(
          (state, [e, c]) => stepCountTest(state, direction === 'more' ? { xe: e, xc: c, shareE: 0.25 } : { xe: c, xc: e, shareE: 0.75 }),
          beginCountTest({ alpha: 0.05, boosted: true, direction, interval: false }),
        );
      const less = fold([...history, [xe, xc + 1]], 'more');
      const more = fold([...history, [xe + 1, xc]], 'more');
      const turned = fold([...history, [xe + 1, xc]], 'fewer');
      return more.logE >= less.logE - 1e-9 && close(more.logE, turned.logE) && close(more.boostedLogW ?? 0, turned.boostedLogW ?? 0);
    }),
    { seed: 14, numRuns: 300 },
  );
});

test('budgets, margins and intervals stay finite at a billion requests a block', async (t) => {
  const huge = { xe: 51_000_000, ne: 1e9, xc: 10_000_000, nc: 1e9 };
  let state = beginProportionTest({ alpha: 0.05, psi0: 1.25, boosted: true, onset: { first: 0.8, horizon: 10 } });
  let margin = beginMargin(0.01);
  let excess = beginExcess();
  for (let i = 0; i < 3; i++) {
    state = stepProportionTest(state, huge);
    margin = stepMargin(margin, huge);
    excess = stepExcess(excess, huge);
  }
  const { low, high } = oddsRatioInterval(state, 0.95);
  t.ok(low <= 5.36 && 5.34 <= (high ?? 128), `odds ratio ${low} to ${high}`);
  t.ok((state.logGrid ?? []).every(Number.isFinite));
  const bounds = excessBounds(excess, { alpha: 0.05 });
  t.ok(bounds.low < 123_000_000 && 123_000_000 < bounds.high && bounds.low > 0);
  t.ok(marginExceeded(margin, { alpha: 0.05 }));
  t.notOk(marginShown(margin, { alpha: 0.05 }));
});

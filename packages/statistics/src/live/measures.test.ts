import fc from 'fast-check';
import { test } from 'tap';
import { bernoulliInterval, upperRate } from './bernoulli-rate.ts';
import { beginExcess, excessBounds, excessFailures, stepExcess } from './excess-failures.ts';
import { beginMargin, marginExceeded, marginShown, stepMargin } from './margin.ts';
import { beginPairBetting, pairBettingLogE, stepPairBetting } from './pair-betting.ts';
import { sampleRatio } from './sample-ratio.ts';
import { zeroEventsBound, zeroEventsNeeded } from './zero-events.ts';

test("59 clean answers exclude 5 %, and the bound and the number needed are each other's inverse", async (t) => {
  t.equal(zeroEventsNeeded(0.05, 0.05), 59);
  t.equal(zeroEventsNeeded(0.001, 0.05), 2995);
  t.ok(zeroEventsBound(600, 0.05) < 0.005, '0 of 600: below 0.5 %');
  t.equal(zeroEventsBound(0, 0.05), 1);
  for (const pMax of [0.5, 0.05, 0.005, 1e-6]) {
    const n = zeroEventsNeeded(pMax, 0.05);
    t.ok(zeroEventsBound(n, 0.05) <= pMax * (1 + 1e-9), `${n} answers exclude ${pMax}`);
    t.ok(zeroEventsBound(n - 1, 0.05) > pMax, 'and one fewer does not');
  }
});

test('the upper rate lies above the rate seen, falls with more clean requests, and holds at every look', async (t) => {
  t.equal(upperRate(0, 0, 0.05), 1);
  t.equal(upperRate(5, 5, 0.05), 1);
  let last = 1;
  for (const n of [10, 100, 1000, 10_000, 1_000_000_000]) {
    const bound = upperRate(0, n, 0.05, 1000);
    t.ok(bound > 0 && bound < last, `0 of ${n}: at most ${bound}`);
    last = bound;
  }
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
      const events = Math.floor(share * n);
      const { low, high } = bernoulliInterval(events, n, 0.05, 500);
      const upper = upperRate(events, n, 0.05, 500);
      return low <= events / n && events / n <= high && upper >= events / n && upper <= 1;
    }),
    { seed: 3, numRuns: 200 },
  );
  for (const n of [1, 4, 40, 4000]) {
    const all = bernoulliInterval(n, n, 0.05, 500);
    const none = bernoulliInterval(0, n, 0.05, 500);
    t.ok(all.low >= 0 && all.low < 1 && all.high === 1, `${n} of ${n}: from ${all.low}`);
    t.ok(Math.abs(all.low - (1 - none.high)) < 1e-9, 'counting the failures or the successes is the same');
  }
  // Exact over every path of 12 requests at rate 0.3: the chance that any prefix's bound is below the truth.
  let missed = 0;
  const walk = (n: number, events: number, p: number): void => {
    if (n > 0 && upperRate(events, n, 0.1, 6) < 0.3) {
      missed += p;
      return;
    }
    if (n === 12) return;
    walk(n + 1, events, p * 0.7);
    walk(n + 1, events + 1, p * 0.3);
  };
  walk(0, 0, 1);
  t.ok(missed > 0 && missed <= 0.1, `missed with chance ${missed}`);
});

test('excess failures over blocks of one split equal the whole, and are conservative at every look', async (t) => {
  const blocks = [
    { xe: 3, ne: 50, xc: 1, nc: 50 },
    { xe: 0, ne: 40, xc: 2, nc: 40 },
    { xe: 27, ne: 60, xc: 2, nc: 60 },
  ];
  const running = excessBounds(blocks.reduce(stepExcess, beginExcess()), { alpha: 0.05 });
  t.same(running, excessFailures(30, 5, 1, { alpha: 0.05 }));
  t.ok(running.low > 0, '30 against 5 proves an excess');
  t.same(excessBounds(beginExcess(1), { alpha: 0.05 }).excess, 0);
  t.equal(stepExcess(beginExcess(), { xe: 1, ne: 3, xc: 0, nc: 0 }).skipped, 1, 'no control, nothing to compare');
  // Monotone: one more failure of the experiment never lowers the lower bound's estimate.
  t.ok(excessFailures(31, 5, 1, { alpha: 0.05 }).low > running.low);
  t.throws(() => excessFailures(1, 1, 0, { alpha: 0.05 }), { message: /r is 0; give n_e\/n_c/ });
});

test('a margin of points is shown by enough equal requests and exceeded by enough failures, never both', async (t) => {
  let equal = beginMargin(0.01);
  let worse = beginMargin(0.01);
  for (let second = 0; second < 400; second++) {
    equal = stepMargin(equal, { xe: 1, ne: 100, xc: 1, nc: 100 });
    worse = stepMargin(worse, { xe: 5, ne: 100, xc: 1, nc: 100 });
    t.notOk(marginShown(equal, { alpha: 0.05 }) && marginExceeded(equal, { alpha: 0.05 }), 'never both');
  }
  t.ok(marginShown(equal, { alpha: 0.05 }));
  t.ok(marginExceeded(worse, { alpha: 0.05 }));
  t.notOk(marginShown(beginMargin(0.01), { alpha: 0.05 }), 'nothing seen shows nothing');
});

test('an even split is left alone and a lost tenth is found; counts, not their order, decide', async (t) => {
  t.equal(sampleRatio([5000, 5010], [0.5, 0.5]).p, 1);
  t.ok(sampleRatio([5000, 4400], [0.5, 0.5]).p < 0.001);
  t.ok(
    Math.abs(sampleRatio([100, 200], [1, 3]).logE - sampleRatio([200, 100], [0.75, 0.25]).logE) < 1e-9,
    'shares need not add up to 1, and arms may be swapped',
  );
  t.equal(sampleRatio([0, 0], [0.5, 0.5]).p, 1);
  t.ok(Number.isFinite(sampleRatio([1_000_000_000, 1_000_000_000], [0.5, 0.5]).logE));
  t.throws(() => sampleRatio([1], [1]), { message: /at least two groups/ });
  // E under the planned split, exactly, over all outcomes of 20 users.
  let mean = 0;
  let p = 0.5 ** 20;
  for (let x = 0; x <= 20; x++) {
    mean += p * Math.exp(sampleRatio([x, 20 - x], [0.5, 0.5]).logE);
    p = (p * (20 - x)) / (x + 1);
  }
  t.ok(Math.abs(mean - 1) < 1e-12, `E = ${mean}`);
});

test('betting on pairs has an expected E of exactly 1 for exchangeable arms and grows with a larger mean', async (t) => {
  const values = [0, 40, 100, 900];
  let mean = 0;
  for (const a of values)
    for (const b of values)
      for (const c of values)
        for (const d of values) mean += Math.exp(pairBettingLogE(stepPairBetting(beginPairBetting(200), [a, b], [c, d]))) / 256;
  t.ok(Math.abs(mean - 1) < 1e-12, `E = ${mean}`);
  let state = beginPairBetting(200);
  for (let i = 0; i < 100; i++) state = stepPairBetting(state, [150, 160], [100, 90]);
  t.ok(state.maxLogE > Math.log(1000));
  t.throws(() => stepPairBetting(beginPairBetting(1), [-5], [1]), { message: /must be numbers of at least 0/ });
});

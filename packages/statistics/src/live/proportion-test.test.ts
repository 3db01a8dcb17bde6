import fc from 'fast-check';
import { test } from 'tap';
import { beginCountTest, type CountTest, stepCountTest } from './count-test.ts';
import { anytimeP, crossed, type MixtureOptions } from './mixture-test.ts';
import { beginNonInferiority, canStillBeShown } from './non-inferiority.ts';
import { oddsRatioInterval } from './odds-ratio-interval.ts';
import { beginProportionTest, type ProportionTest, stepProportionTest } from './proportion-test.ts';

/** A seeded stream of uniform numbers (mulberry32). */
function uniforms(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}

/** Fisher's non-central hypergeometric law of x_e, by its definition. */
function fisher(ne: number, nc: number, m: number, psi: number): [number, number][] {
  const law: [number, number][] = [];
  for (let x = Math.max(0, m - nc); x <= Math.min(m, ne); x++) law.push([x, choose(ne, x) * choose(nc, m - x) * psi ** x]);
  const total = law.reduce((sum, [, weight]) => sum + weight, 0);
  return law.map(([x, weight]) => [x, weight / total]);
}

const wealth = (state: ProportionTest | CountTest): number => Math.exp(state.boostedLogW ?? state.logE);

/** The exact expected value of a function of the state over every outcome of the blocks [ne, nc, m], under odds ratio psi. */
function expected(
  state: ProportionTest,
  blocks: readonly (readonly [number, number, number])[],
  psi: number,
  value: (state: ProportionTest) => number,
): number {
  const [block, ...rest] = blocks;
  if (block === undefined) return value(state);
  const [ne, nc, m] = block;
  const experiment = state.direction === 'more' ? psi : 1 / psi;
  return fisher(ne, nc, m, experiment).reduce(
    (sum, [x, p]) => sum + p * expected(stepProportionTest(state, { xe: x, ne, xc: m - x, nc }), rest, psi, value),
    0,
  );
}

const threeBlocks = [
  [6, 5, 3],
  [4, 7, 4],
  [5, 5, 2],
] as const;

test('under no difference beyond psi0 the expected E is exactly 1, and below it at most 1, over every outcome', async (t) => {
  for (const psi0 of [1, 1.25]) {
    for (const direction of ['more', 'fewer'] as const) {
      for (const onset of [
        { first: 1, horizon: 1 },
        { first: 0.8, horizon: 10 },
      ]) {
        const options: MixtureOptions = { alpha: 0.3, psi0, onset, direction, interval: false };
        const start = beginProportionTest(options);
        const mean = expected(start, threeBlocks, psi0, (s) => Math.exp(s.logE));
        t.ok(Math.abs(mean - 1) < 1e-12, `E[E] = ${mean} at psi0 ${psi0}, ${direction}, first ${onset.first}`);
        for (const less of [0.5, 0.9]) {
          const below = expected(start, threeBlocks, psi0 * less, (s) => Math.exp(s.logE));
          t.ok(below <= 1 + 1e-12, `E[E] = ${below} below psi0`);
          t.ok(below < mean, 'and it falls with psi');
        }
      }
    }
  }
});

test('boosting keeps the expected wealth at 1 until it crosses, and never crosses later than the plain E', async (t) => {
  for (const psi0 of [1, 1.25]) {
    const start = beginProportionTest({ alpha: 0.4, psi0, boosted: true, onset: { first: 0.8, horizon: 10 }, interval: false });
    const mean = expected(start, threeBlocks, psi0, wealth);
    t.ok(Math.abs(mean - 1) < 1e-9, `E[W] = ${mean}`);
    t.ok(expected(start, threeBlocks, 0.7 * psi0, wealth) <= 1 + 1e-12, 'below psi0 at most 1');
    const chance = expected(start, threeBlocks, psi0, (s) => (crossed(s) ? 1 : 0));
    const plain = expected(start, threeBlocks, psi0, (s) => (s.maxLogE >= -Math.log(0.4) ? 1 : 0));
    t.ok(chance <= 0.4, `chance of crossing ${chance} is at most alpha`);
    t.ok(plain <= chance, 'the plain E crosses no more often');
    const later = expected(start, threeBlocks, psi0, (s) =>
      s.maxLogE >= -Math.log(0.4) && (s.boostedLogW ?? 0) < -Math.log(0.4) - 1e-9 ? 1 : 0,
    );
    t.equal(later, 0, 'wherever the plain E crossed, the boosted wealth had');
  }
});

test('counts by share have expected E of at most 1 under no difference, over every outcome', async (t) => {
  const walk = (state: CountTest, blocks: readonly (readonly [number, number])[]): number => {
    const [block, ...rest] = blocks;
    if (block === undefined) return wealth(state);
    const [m, shareE] = block;
    let sum = 0;
    for (let x = 0; x <= m; x++)
      sum += choose(m, x) * shareE ** x * (1 - shareE) ** (m - x) * walk(stepCountTest(state, { xe: x, xc: m - x, shareE }), rest);
    return sum;
  };
  for (const boosted of [false, true]) {
    for (const direction of ['more', 'fewer'] as const) {
      const mean = walk(beginCountTest({ alpha: 0.3, boosted, direction, interval: false }), [
        [3, 0.5],
        [5, 0.2],
        [2, 0.8],
      ]);
      t.ok(Math.abs(mean - 1) < 1e-9, `E = ${mean}, boosted ${boosted}, ${direction}`);
    }
  }
});

const block = fc
  .record({ ne: fc.nat(80), nc: fc.nat(80), a: fc.double({ min: 0, max: 1, noNaN: true }), b: fc.double({ min: 0, max: 1, noNaN: true }) })
  .map(({ ne, nc, a, b }) => ({ xe: Math.floor(a * ne), ne, xc: Math.floor(b * nc), nc }));

test('more failures in the experiment never lower E, and more in control never raise it', async () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 6 }), block, (history, last) => {
      fc.pre(last.xe < last.ne && last.xc < last.nc);
      const fold = (blocks: readonly (typeof last)[]): ProportionTest =>
        blocks.reduce(stepProportionTest, beginProportionTest({ alpha: 0.05, interval: false }));
      const before = fold([...history, last]).logE;
      const worse = fold([...history, { ...last, xe: last.xe + 1, xc: Math.max(0, last.xc - 1) }]).logE;
      const better = fold([...history, { ...last, xc: last.xc + 1, xe: Math.max(0, last.xe - 1) }]).logE;
      return worse >= before - 1e-9 && better <= before + 1e-9;
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('"fewer" is "more" with the arms swapped, and the odds-ratio interval turns over with them', async () => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 8 }), (blocks) => {
      const a = blocks.reduce(stepProportionTest, beginProportionTest({ alpha: 0.05, boosted: true }));
      const swapped = blocks.map(({ xe, ne, xc, nc }) => ({ xe: xc, ne: nc, xc: xe, nc: ne }));
      const b = swapped.reduce(stepProportionTest, beginProportionTest({ alpha: 0.05, boosted: true, direction: 'fewer' }));
      return a.logE === b.logE && a.boostedLogW === b.boostedLogW;
    }),
    { seed: 8, numRuns: 200 },
  );
});

test('a state that went through JSON goes on bit for bit, and a block with nothing in it moves only the clock', async (t) => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 8 }), fc.nat(8), (blocks, cut) => {
      const start = beginProportionTest({ alpha: 0.04, psi0: 1.25, boosted: true, onset: { first: 0.8, horizon: 6 } });
      const whole = blocks.reduce(stepProportionTest, start);
      const part = blocks.slice(0, cut).reduce(stepProportionTest, start);
      const resumed = blocks.slice(cut).reduce(stepProportionTest, JSON.parse(JSON.stringify(part)) as ProportionTest);
      return JSON.stringify(resumed) === JSON.stringify(whole);
    }),
    { seed: 9, numRuns: 200 },
  );
  const start = stepProportionTest(beginProportionTest({ alpha: 0.05 }), { xe: 3, ne: 50, xc: 1, nc: 50 });
  for (const empty of [
    { xe: 0, ne: 50, xc: 0, nc: 50 },
    { xe: 5, ne: 5, xc: 7, nc: 7 },
    { xe: 3, ne: 9, xc: 0, nc: 0 },
  ]) {
    const next = stepProportionTest(start, empty);
    t.equal(next.logE, start.logE);
    t.equal(next.blocks, 2);
  }
});

test('it stays finite at a billion requests and a billion failures', async (t) => {
  for (const [xe, xc] of [
    [1, 0],
    [1000, 900],
    [600_000, 500_000],
    [500_000_000, 500_000_000],
    [1_000_000_000, 0],
  ] as const) {
    const state = stepProportionTest(beginProportionTest({ alpha: 0.05, boosted: true, interval: false }), { xe, ne: 1e9, xc, nc: 1e9 });
    t.ok(Number.isFinite(state.logE), `${xe} against ${xc}: ln E = ${state.logE}`);
    t.ok(Number.isFinite(state.boostedLogW), 'and so is the boosted wealth');
  }
  const count = stepCountTest(beginCountTest({ alpha: 0.05, boosted: true }), { xe: 1e9, xc: 1e9, shareE: 0.5 });
  t.ok(Number.isFinite(count.logE));
});

test('the windowed sum for large blocks agrees with the full one', async (t) => {
  // The same 500 failures among so many requests that the law is binomial: two routes, one number.
  const narrow = stepCountTest(beginCountTest({ alpha: 0.05 }), { xe: 280, xc: 220, shareE: 0.5 });
  const full = stepProportionTest(beginProportionTest({ alpha: 0.05 }), { xe: 280, ne: 1e12, xc: 220, nc: 1e12 });
  const wide = stepProportionTest(beginProportionTest({ alpha: 0.05 }), { xe: 300, ne: 1e12, xc: 240, nc: 1e12 });
  const wideCount = stepCountTest(beginCountTest({ alpha: 0.05 }), { xe: 300, xc: 240, shareE: 0.5 });
  t.ok(Math.abs(full.logE - narrow.logE) < 1e-7, `${full.logE} and ${narrow.logE}`);
  t.ok(Math.abs(wide.logE - wideCount.logE) < 1e-7, `${wide.logE} and ${wideCount.logE}`);
});

test('a real difference is found, named by an interval that holds the truth, and equal arms are left alone', async (t) => {
  const random = uniforms(20240607);
  const draw = (n: number, p: number): number => {
    let x = 0;
    for (let i = 0; i < n; i++) if (random() < p) x++;
    return x;
  };
  let found = 0;
  let covered = 0;
  for (let run = 0; run < 40; run++) {
    let state = beginProportionTest({ alpha: 0.05, onset: { first: 0.8, horizon: 60 }, boosted: true });
    for (let second = 0; second < 60; second++)
      state = stepProportionTest(state, { xe: draw(50, 0.06), ne: 50, xc: draw(50, 0.01), nc: 50 });
    if (crossed(state)) found++;
    const interval = oddsRatioInterval(state, 0.95);
    const truth = 0.06 / 0.94 / (0.01 / 0.99);
    if (interval.low <= truth && (interval.high === null || interval.high >= truth)) covered++;
    t.ok(anytimeP(state) <= 1);
  }
  t.equal(found, 40, 'odds x6 is found in a minute (the chance of missing any of 40 is below 1e-6)');
  // At 95 % each, fewer than 28 of 40 has a chance below 1e-7.
  t.ok(covered >= 28, `${covered} of 40 intervals hold the truth`);

  let alarms = 0;
  for (let run = 0; run < 400; run++) {
    let state = beginProportionTest({ alpha: 0.05, onset: { first: 0.8, horizon: 60 }, boosted: true, interval: false });
    for (let second = 0; second < 60 && !crossed(state); second++)
      state = stepProportionTest(state, { xe: draw(20, 0.03), ne: 20, xc: draw(20, 0.03), nc: 20 });
    if (crossed(state)) alarms++;
  }
  // Binomial(400, 0.05): 44 or more has a chance below 1e-6.
  t.ok(alarms < 44, `${alarms} false alarms in 400 runs that looked every second`);
});

test('non-inferiority has an expected E of at most 1 at the margin and beyond, and shows a sound service', async (t) => {
  const start = beginNonInferiority({ beta: 0.05, psiNI: 1.5 });
  const at = expected(start, threeBlocks, 1.5, (s) => Math.exp(s.logE));
  t.ok(Math.abs(at - 1) < 1e-12, `at the margin ${at}`);
  t.ok(expected(start, threeBlocks, 3, (s) => Math.exp(s.logE)) < 1, 'beyond it less');
  let state = start;
  for (let second = 0; second < 200 && !crossed(state); second++) state = stepProportionTest(state, { xe: 10, ne: 100, xc: 10, nc: 100 });
  t.ok(crossed(state), 'equal arms are shown to be within the margin');
  t.notOk(canStillBeShown(start, 10, 0.01), 'ten requests of little worth cannot show it');
  t.ok(canStillBeShown(start, 1000, 0.01));
});

test('bad input is refused with the field, the value and the fix', async (t) => {
  t.throws(() => beginProportionTest({ alpha: 0 }), { message: /alpha is 0; give/ });
  t.throws(() => beginProportionTest({ alpha: 0.05, psi0: -1 }), { message: /psi0 is -1; give/ });
  t.throws(() => beginProportionTest({ alpha: 0.05, onset: { first: 0, horizon: 9 } }), { message: /onset.first is 0; give/ });
  t.throws(() => beginProportionTest({ alpha: 0.05, alternatives: { psis: [0.5, 2], weights: [0.5, 0.5] } }), { message: /above psi0/ });
  const start = beginProportionTest({ alpha: 0.05, interval: false });
  t.throws(() => stepProportionTest(start, { xe: 6, ne: 5, xc: 0, nc: 5 }), { message: /xe is 6 of ne=5/ });
  t.throws(() => stepProportionTest(start, { xe: 0.5, ne: 5, xc: 0, nc: 5 }), { message: /xe is 0.5; give a count/ });
  t.throws(() => oddsRatioInterval(start, 0.95), { message: /interval: true/ });
  t.throws(() => stepCountTest(beginCountTest({ alpha: 0.05 }), { xe: 0, xc: 0, shareE: 2 }), { message: /shareE is 2; give/ });
});

import fc from 'fast-check';
import { test } from 'tap';
import { crossed } from '../live/mixture-test.ts';
import { beginProportionTest, stepProportionTest } from '../live/proportion-test.ts';
import { eBenjaminiHochberg, eHolm, eMean, logEHolm, logEMean } from '../many/e-values.ts';
import { chanceBudgetSpent, smallestSensibleBudget } from './budget-chance.ts';
import { lowerBoundRequests } from './lower-bound-requests.ts';
import { smallestEffect } from './smallest-effect.ts';
import { chanceStopped, expectedSecondsToStop, secondsToStop, stoppingLaw } from './stopping-law.ts';

const world = { alpha: 0.05, psi0: 1, controlRate: 0.01, experimentRate: 0.05, controlPerSecond: 50, experimentPerSecond: 50, seconds: 60 };

test('the computed stopping law agrees with simulated runs', async (t) => {
  let a = 12345;
  const random = (): number => {
    a = (Math.imul(a, 1664525) + 1013904223) >>> 0;
    return a / 4294967296;
  };
  const draw = (p: number): number => {
    let x = 0;
    for (let i = 0; i < 50; i++) if (random() < p) x++;
    return x;
  };
  const runs = 300;
  let total = 0;
  for (let run = 0; run < runs; run++) {
    let state = beginProportionTest({ alpha: 0.05, onset: { first: 0.8, horizon: 60 }, interval: false });
    let second = 0;
    while (second < 60 && !crossed(state)) {
      second += 1;
      state = stepProportionTest(state, { xe: draw(0.05), ne: 50, xc: draw(0.01), nc: 50 });
    }
    total += second;
  }
  const computed = (expectedSecondsToStop(stoppingLaw(world)) as number) + 0.5;
  // One run's delay has a standard deviation near 4 s, the mean of 300 one of 0.23 s: five of them, and 0.4 s for blocks against single failures.
  t.ok(Math.abs(total / runs - computed) < 1.6, `simulated ${total / runs} s, computed ${computed} s`);
});

test('no difference is stopped with at most alpha, longer watching and larger effects only add', async (t) => {
  const none = stoppingLaw({ ...world, experimentRate: 0.01, seconds: 600 });
  t.ok(chanceStopped(none, 600) <= 0.05);
  t.ok(chanceStopped(none, 600) > 0.005, 'and not for nothing');
  const law = stoppingLaw(world);
  let last = 0;
  for (const seconds of [1, 3, 10, 30, 60]) {
    const chance = chanceStopped(law, seconds);
    t.ok(chance >= last && chance <= 1);
    last = chance;
  }
  const p80 = secondsToStop(law, 0.8) as number;
  t.ok(Math.abs(chanceStopped(law, p80) - 0.8) < 0.01, `80 % have stopped by ${p80} s`);
  t.equal(secondsToStop(none, 0.8), null);
  t.equal(expectedSecondsToStop(stoppingLaw({ ...world, controlRate: 0, experimentRate: 0 })), null, 'no failures, no stop');
  const requests = (expectedSecondsToStop(law) as number) * 50;
  t.ok(requests > lowerBoundRequests(0.01, 0.05, 0.05), `${requests} requests are above the bound that no test can beat`);
});

test('the smallest effect has the power that was asked for, and a little less has less', async (t) => {
  const { experimentRate: _, ...planned } = world;
  const effect = smallestEffect(planned, 0.8);
  t.ok(effect !== null);
  if (effect === null) return;
  t.ok(chanceStopped(stoppingLaw({ ...world, experimentRate: effect.experimentRate }), 60) >= 0.8);
  t.ok(chanceStopped(stoppingLaw({ ...world, experimentRate: effect.experimentRate * 0.95 }), 60) < 0.8);
  const strict = smallestEffect(planned, 0.95);
  t.ok((strict?.oddsRatio ?? 0) > effect.oddsRatio);
  t.ok((smallestEffect({ ...planned, controlRate: 0 }, 0.8)?.experimentRate ?? 1) < 0.05, 'a service without failures shows small ones');
  t.equal(smallestEffect({ ...planned, seconds: 0.01 }, 0.8), null, 'a hundredth of a second shows nothing');
  t.ok(
    (smallestEffect({ ...planned, controlPerSecond: 200 }, 0.8)?.oddsRatio ?? 99) < effect.oddsRatio,
    'a larger control arm shows smaller effects',
  );
});

test('the chance that a sound service spends its budget is that of a Poisson count, and credit lowers it', async (t) => {
  // P(Poisson(2) >= 3) = 1 − e^−2 (1 + 2 + 2).
  t.ok(Math.abs(chanceBudgetSpent(0.01, 200, 3, 0) - (1 - 5 * Math.exp(-2))) < 1e-12);
  t.equal(chanceBudgetSpent(0, 1000, 1, 0), 0);
  t.equal(chanceBudgetSpent(0.01, 0, 1, 0), 0);
  const without = chanceBudgetSpent(0.01, 3000, 20, 0);
  const withCredit = chanceBudgetSpent(0.01, 3000, 20, 0.015);
  t.ok(without > 0.9 && withCredit < 0.05, `${without} without credit, ${withCredit} with`);
  const cap = smallestSensibleBudget(0.01, 3000, 0.015, 0.01);
  t.ok(chanceBudgetSpent(0.01, 3000, cap, 0.015) <= 0.01);
  t.ok(chanceBudgetSpent(0.01, 3000, cap - 1, 0.015) > 0.01, `${cap} is the smallest`);
});

test('many metrics: the mean, e-Holm and their logs agree, and naming needs as much evidence as stopping', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 8 }), (e) => {
      const logs = e.map(Math.log);
      const holm = eHolm(e);
      const mean = eMean(e);
      const close = (x: number, y: number): boolean => Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(y));
      // By definition: the smallest mean over every set that holds i.
      const brute = e.map((_, i) => {
        let least = Number.POSITIVE_INFINITY;
        for (let set = 0; set < 2 ** e.length; set++) {
          if ((set & (1 << i)) === 0) continue;
          const chosen = e.filter((__, j) => (set & (1 << j)) !== 0);
          least = Math.min(least, chosen.reduce((sum, value) => sum + value, 0) / chosen.length);
        }
        return least;
      });
      return (
        close(Math.exp(logEMean(logs)), mean) &&
        holm.every(
          (value, i) =>
            close(value, brute[i] as number) &&
            close(Math.exp(logEHolm(logs)[i] as number), value) &&
            value <= (e[i] as number) + 1e-9 &&
            value <= mean + 1e-9 * mean,
        )
      );
    }),
    { seed: 5, numRuns: 150 },
  );
  t.same(eBenjaminiHochberg([1, 900, 300, 0], 0.05), [1, 2]);
  t.ok(Number.isFinite(logEHolm([5000, 4000, -5000])[0]), 'logs stay finite where e-values would not');
  t.throws(() => eMean([-1]), { message: /e\[0\] is -1/ });
});

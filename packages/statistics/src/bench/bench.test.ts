import { test } from 'tap';
import { atMost } from './bars.ts';
import { binomial, draw, poisson } from './draw.ts';
import { runJob } from './jobs.ts';
import { resampled, shareStopped } from './measure.ts';
import { randomOf } from './random.ts';

test('a stream is its seed words, and its numbers are spread evenly', async (t) => {
  const first = (...words: number[]) => {
    const random = randomOf(...words);
    return Array.from({ length: 5 }, () => random());
  };
  t.same(first(1, 2, 3), first(1, 2, 3));
  t.notSame(first(1, 2, 3), first(1, 3, 2));
  t.notSame(first(0), first(0, 0));
  const random = randomOf(7);
  const bins = new Array<number>(20).fill(0);
  for (let i = 0; i < 20_000; i++) {
    const at = Math.floor(20 * random());
    bins[at] = (bins[at] as number) + 1;
  }
  const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  // 19 degrees of freedom: beyond 50 with a chance of 1 in 10,000.
  t.ok(chiSquare < 50, `chi-square ${chiSquare}`);
});

test('tables hold the laws that they are named after', async (t) => {
  const meanOf = ({ from, cumulative }: ReturnType<typeof poisson>): number =>
    cumulative.reduce((sum, upTo, i) => sum + (from + i) * (upTo - (cumulative[i - 1] ?? 0)), 0);
  t.ok(Math.abs(meanOf(binomial(50, 0.01)) - 0.5) < 1e-9);
  t.ok(Math.abs(meanOf(binomial(500, 0.051)) - 25.5) < 1e-9);
  t.ok(Math.abs(meanOf(poisson(75)) - 75) < 1e-9);
  t.ok(Math.abs((binomial(50, 0.01).cumulative[0] ?? 0) - 0.99 ** 50) < 1e-12);
  const random = randomOf(8);
  let sum = 0;
  for (let i = 0; i < 20_000; i++) sum += draw(poisson(0.5), random);
  // The mean of 20,000 has a standard error of .005.
  t.ok(Math.abs(sum / 20_000 - 0.5) < 0.025, `mean ${sum / 20_000}`);
});

test('a job gives the same stops again, however its runs are cut up, and an effect is found before others find it', async (t) => {
  const job = { kind: 'effect', cell: 505, seed: 4, from: 0, to: 6 } as const;
  const whole = runJob(job);
  const parts = [runJob({ ...job, to: 2 }), runJob({ ...job, from: 2 })];
  for (const [name, stops] of Object.entries(whole))
    t.same(
      stops,
      parts.flatMap((part) => part[name] ?? []),
      name,
    );
  const boosted = whole['boosted .05'] ?? [];
  const plain = whole['plain .05'] ?? [];
  t.equal(boosted.length, 6);
  for (const [i, at] of boosted.entries()) {
    t.ok(at !== null && at <= (plain[i] ?? 0), `boosted at ${at}, plain at ${plain[i]}`);
    t.ok((at ?? 3600) < (whole['Kayenta each minute']?.[i] ?? 0), 'before Kayenta');
  }
});

test('counting requests cries wolf when one user fails for half a minute, counting users does not', async (t) => {
  const stops = runJob({ kind: 'users', cell: 302, seed: 4, from: 0, to: 12 });
  t.ok(shareStopped(stops['requests boosted .05'] ?? []).value > 0.7);
  t.ok(shareStopped(stops['users boosted .05'] ?? []).value < 0.3);
});

test('a bar is met, within error or missed, and errors come from the runs', async (t) => {
  t.equal(atMost('a', { value: 0.05, error: 0.01 }, 0.05).verdict, 'met');
  t.equal(atMost('a', { value: 0.07, error: 0.01 }, 0.05).verdict, 'within error');
  t.equal(atMost('a', { value: 0.09, error: 0.01 }, 0.05).verdict, 'MISSED');
  t.ok(shareStopped([null, null]).error > 0, 'none of two is no proof of never');
  const ratio = resampled([2, 4, 6, 8], [1, 2, 3, 4], (a, b) => a.reduce((x, y) => x + y) / b.reduce((x, y) => x + y));
  t.same([ratio.value, ratio.error], [2, 0], 'a ratio that every run has is sure');
});

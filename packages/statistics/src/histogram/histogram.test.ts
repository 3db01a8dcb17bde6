import fc from 'fast-check';
import { test } from 'tap';
import {
  beginLatencyTest,
  latencyDifference,
  latencyInterval,
  latencyLogE,
  latencyThresholds,
  stepLatencyTest,
} from '../live/latency-test.ts';
import {
  addBins,
  binEdge,
  countAbove,
  createHistogram,
  decodeHistogram,
  encodeHistogram,
  type Histogram,
  mergeHistogram,
  quantile,
  recordLatency,
} from './histogram.ts';

function of(values: readonly number[]): Histogram {
  const histogram = createHistogram();
  for (const value of values) recordLatency(histogram, value);
  return histogram;
}

const latencies = fc.array(fc.double({ min: 0.002, max: 59_000, noNaN: true }), { minLength: 1, maxLength: 200 });

test('every quantile is within 1 % of the true one', async () => {
  fc.assert(
    fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const sorted = [...values].sort((a, b) => a - b);
      const truth = sorted[Math.max(1, Math.ceil(q * sorted.length - 1e-9)) - 1] as number;
      const seen = quantile(of(values), q) as number;
      return Math.abs(seen - truth) <= 0.01 * truth * (1 + 1e-9);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('merging, encoding and decoding lose nothing, in any order', async () => {
  fc.assert(
    fc.property(latencies, latencies, (a, b) => {
      const whole = encodeHistogram(of([...a, ...b]));
      const merged = of(b);
      mergeHistogram(merged, of(a));
      const sent = decodeHistogram(JSON.parse(JSON.stringify(encodeHistogram(of(a)))) as [number, number][]);
      addBins(sent, encodeHistogram(of(b)));
      const same = JSON.stringify(whole);
      return (
        JSON.stringify(encodeHistogram(merged)) === same &&
        JSON.stringify(encodeHistogram(sent)) === same &&
        sent.total === a.length + b.length
      );
    }),
    { seed: 2, numRuns: 200 },
  );
});

test('counts above a bin edge are exact', async () => {
  fc.assert(
    fc.property(latencies, fc.double({ min: 0.01, max: 50_000, noNaN: true }), (values, threshold) => {
      const edge = binEdge(threshold);
      const histogram = of(values);
      // Values within a rounding error of the edge may fall on either side.
      const clear = values.filter((value) => Math.abs(value / edge - 1) > 1e-9);
      fc.pre(clear.length === values.length);
      return (
        countAbove(histogram, edge) === values.filter((value) => value > edge).length &&
        countAbove(histogram, threshold) === countAbove(histogram, edge)
      );
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('values outside the range go into the end bins, and what is no latency is refused', async (t) => {
  const histogram = of([0, 1e-9, 1e9]);
  t.equal(histogram.total, 3);
  t.equal(encodeHistogram(histogram).length, 2);
  t.equal(quantile(createHistogram(), 0.5), null);
  t.throws(() => recordLatency(histogram, -1), { message: /ms is -1; give a latency/ });
  t.throws(() => recordLatency(histogram, Number.NaN), { message: /ms is NaN/ });
  t.throws(() => decodeHistogram([[100_000, 1]]), { message: /bin \[100000, 1\]: give an index/ });
});

test('slower answers are found by exceedance, equal ones are not, and intervals hold the truth', async (t) => {
  const base = Array.from({ length: 50 }, (_, i) => 50 * 1.02 ** i);
  const slower = base.map((ms) => ms * 1.5);
  const thresholds = latencyThresholds(of(base), 250);
  t.equal(thresholds.length, 5);
  let slow = beginLatencyTest(thresholds, { alpha: 0.05, interval: false });
  let same = beginLatencyTest(thresholds, { alpha: 0.05, interval: false });
  for (let second = 0; second < 20; second++) {
    slow = stepLatencyTest(slow, of(slower), of(base));
    same = stepLatencyTest(same, of(base), of(base));
  }
  t.ok(slow.maxLogE > Math.log(1000), `ln E ${slow.maxLogE}`);
  t.ok(latencyLogE(same) <= 0, 'equal arms give no evidence');
  const whole = createHistogram();
  for (let i = 0; i < 40; i++) mergeHistogram(whole, of(base));
  const median = latencyInterval(whole, 0.5, 0.975, 2000);
  t.ok(median !== null && median.high !== null && median.low < median.estimate && median.estimate < median.high);
  if (median === null) return;
  const difference = latencyDifference(median, median);
  t.ok((difference.low ?? 0) < 0 && (difference.high ?? 0) > 0, 'no difference is inside');
  t.ok(Math.abs(difference.level - 0.95) < 1e-12);
  t.equal(latencyInterval(createHistogram(), 0.5, 0.95, 100), null);
  const few = latencyInterval(of([10, 20]), 0.99, 0.95, 100);
  t.equal(few?.high, null, 'two values bound no p99 from above');
});

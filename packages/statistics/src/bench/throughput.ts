import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createHistogram, recordLatency } from '../histogram/histogram.ts';
import type { ArmCounts } from '../live/arm-counts.ts';
import { beginCountTest, stepCountTest } from '../live/count-test.ts';
import { beginLatencyTest, latencyThresholds, stepLatencyTest } from '../live/latency-test.ts';
import type { MixtureOptions } from '../live/mixture-test.ts';
import { beginProportionTest, stepProportionTest } from '../live/proportion-test.ts';
import { randomOf } from './random.ts';

export type Throughput = {
  readonly proportionPerSecond: number;
  readonly countPerSecond: number;
  readonly latenciesPerSecond: number;
  readonly bytesPerCount: number;
  readonly bytesPerLatencyArm: number;
};

/** As the judge runs its guardrails: tolerance, late onsets, boosted, with the interval. */
const asJudged: MixtureOptions = { alpha: 0.028, psi0: 1.25, onset: { first: 0.8, horizon: 300 }, boosted: true };
const runSeconds = 300;

/** Calls of `once` a second of processor time of this process: other programs on the machine do not count. Best of some rounds. */
function perSecond(calls: number, rounds: number, once: (i: number) => void): number {
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < calls; i++) once(i);
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, (1e6 * calls) / (user + system));
  }
  return best;
}

/** Bytes that each made thing keeps, by the difference that many of them make. */
function bytesEach(make: () => unknown): number {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const many = 500;
  const held: unknown[] = new Array<unknown>(many).fill(null);
  const before = used();
  for (let i = 0; i < many; i++) held[i] = make();
  return (used() - before) / held.length;
}

/** How fast and how small the live tests are, on blocks of 1 to 10 failures among some 50 requests an arm. */
export function measureThroughput(seed: number): Throughput {
  const random = randomOf(seed, 700);
  const blocks: ArmCounts[] = Array.from({ length: 4096 }, () => {
    const m = 1 + Math.floor(random() * 10);
    const xe = Array.from({ length: m }, () => random()).filter((u) => u < 0.5).length;
    return { xe, ne: 40 + Math.floor(random() * 20), xc: m - xe, nc: 40 + Math.floor(random() * 20) };
  });
  const blockAt = (i: number): ArmCounts => blocks[i % blocks.length] as ArmCounts;
  let proportion = beginProportionTest(asJudged);
  const proportionPerSecond = perSecond(150_000, 5, (i) => {
    proportion = stepProportionTest(i % runSeconds === 0 ? beginProportionTest(asJudged) : proportion, blockAt(i));
  });
  let count = beginCountTest(asJudged);
  const countPerSecond = perSecond(150_000, 5, (i) => {
    const { xe, xc } = blockAt(i);
    count = stepCountTest(i % runSeconds === 0 ? beginCountTest(asJudged) : count, { xe, xc, shareE: 0.5 });
  });
  const latencies = Float64Array.from({ length: 65_536 }, () => 100 * Math.exp(random() + random() + random() - 1.5));
  const histogram = createHistogram();
  const latenciesPerSecond = perSecond(4_000_000, 4, (i) => recordLatency(histogram, latencies[i & 65_535] as number));
  const afterRun = () => blocks.slice(0, runSeconds).reduce(stepProportionTest, beginProportionTest(asJudged));
  const thresholds = latencyThresholds(histogram, 400);
  const oneSecond = createHistogram();
  for (const ms of latencies.slice(0, 50)) recordLatency(oneSecond, ms);
  const afterLatencies = () => {
    let test = beginLatencyTest(thresholds, asJudged);
    for (let i = 0; i < 10; i++) test = stepLatencyTest(test, oneSecond, oneSecond);
    return test;
  };
  return {
    proportionPerSecond,
    countPerSecond,
    latenciesPerSecond,
    bytesPerCount: bytesEach(afterRun),
    // One arm's histogram and the whole test, which the arms share: on the careful side.
    bytesPerLatencyArm: bytesEach(() => ({ histogram: createHistogram(), test: afterLatencies() })),
  };
}

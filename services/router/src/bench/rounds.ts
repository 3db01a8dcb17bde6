import { binValue } from '@haldane/statistics';
import { processorMs } from '@haldane/testkit';
import type { LoadJob, LoadResult } from './load.ts';

/** Something that answers on a port; `pid` null: its processor time tells nothing. */
export type Contender = { readonly name: string; readonly port: number; readonly pid: number | null };
export type Speed = { readonly perSecond: number; readonly processorUs: number | null; readonly failed: number };
export type Delay = { readonly p50: number; readonly p99: number; readonly failed: number };

type Run = (job: LoadJob) => Promise<LoadResult>;
const connections = 64;

/** One turn at full speed. */
export async function speedOf(contender: Contender, run: Run, ms: number): Promise<Speed> {
  const before = contender.pid === null ? null : processorMs(contender.pid);
  const result = await run({ port: contender.port, connections, ms, rate: null });
  const after = contender.pid === null ? null : processorMs(contender.pid);
  return {
    perSecond: (result.answered * 1000) / result.ms,
    processorUs: before === null || after === null ? null : ((after - before) * 1000) / result.answered,
    failed: result.failed,
  };
}

/** One turn at a fixed rate, milliseconds from when a request was due to the last byte of its answer. */
export async function delayOf(contender: Contender, run: Run, ms: number, rate: number): Promise<Delay> {
  const { latency, failed } = await run({ port: contender.port, connections, ms, rate });
  return { p50: quantile(latency, 0.5), p99: quantile(latency, 0.99), failed };
}

/** Each contender in turn, `count` times over, so that what the machine does meanwhile hits all alike. */
export async function interleaved<T>(
  contenders: readonly Contender[],
  count: number,
  turn: (contender: Contender) => Promise<T>,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const seen = new Map<string, T[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < count; round += 1) {
    for (const contender of contenders) seen.get(contender.name)?.push(await turn(contender));
  }
  return seen;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

function quantile(bins: LoadResult['latency'], at: number): number {
  const all = bins.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [index, count] of bins) {
    seen += count;
    if (seen >= at * all) return binValue(index);
  }
  return Number.NaN;
}

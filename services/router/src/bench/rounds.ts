import { binValue } from '@haldane/statistics';
import { processorMs } from '@haldane/testkit';
import type { LoadJob, LoadResult } from './load.ts';

/** Something that answers on a port; `pid` null: its processor time tells nothing. */
export type Contender = { readonly name: string; readonly port: number; readonly pid: number | null };
/** How to start a contender. `done` throws if what was measured was not what it was to be. */
export type Entrant = {
  readonly name: string;
  start(): Promise<{ readonly port: number; readonly pid: number | null; stop(): Promise<void>; done?(): Promise<void> }>;
};
/** What one contender did in one round, over all its turns. */
export type Round = {
  readonly perSecond: number;
  readonly processorUs: number | null;
  /** Milliseconds from when a request was due to the last byte of its answer. */
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
};
/** `starts`: how often in a round all are started anew, to warm up for `warmMs` and take their turns. `rate` null: at full speed. */
export type Plan = {
  readonly rounds: number;
  readonly starts: number;
  readonly turns: number;
  readonly turnMs: number;
  readonly warmMs: number;
  readonly rate: number | null;
};

type Run = (job: LoadJob) => Promise<LoadResult>;
type Turn = LoadResult & { readonly processorMs: number };
const connections = 64;

/**
 * A round is many short turns, each contender in its turn: what the machine does meanwhile lasts longer than a turn, and so hits all alike.
 * What V8 makes of a program differs from one start to the next by up to a tenth of its speed, so each is started several times in a round.
 * Each round is summed up by contender.
 */
export async function interleaved(
  entrants: readonly Entrant[],
  run: Run,
  { rounds, starts, turns, turnMs, warmMs, rate }: Plan,
): Promise<ReadonlyMap<string, readonly Round[]>> {
  const seen = new Map<string, Round[]>(entrants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const took = new Map<string, Turn[]>(entrants.map(({ name }) => [name, []]));
    for (let start = 0; start < starts; start += 1) {
      await started(entrants, async (contenders) => {
        for (const contender of contenders) await oneTurn(contender, run, warmMs, null);
        for (let turn = 0; turn < turns; turn += 1) {
          for (const contender of contenders) took.get(contender.name)?.push(await oneTurn(contender, run, turnMs, rate));
        }
      });
    }
    for (const [name, all] of took) seen.get(name)?.push(summedUp(all));
  }
  return seen;
}

/** Starts all, and stops all that were started, whatever happens between. */
async function started(entrants: readonly Entrant[], act: (contenders: readonly Contender[]) => Promise<void>): Promise<void> {
  const running: (Contender & Awaited<ReturnType<Entrant['start']>>)[] = [];
  try {
    for (const { name, start } of entrants) running.push({ ...(await start()), name });
    await act(running);
    for (const { done } of running) await done?.();
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
  }
}

export async function oneTurn({ port, pid }: Contender, run: Run, ms: number, rate: number | null): Promise<Turn> {
  const before = pid === null ? null : processorMs(pid);
  const result = await run({ port, connections, ms, rate });
  const after = pid === null ? null : processorMs(pid);
  return { ...result, processorMs: before === null || after === null ? Number.NaN : after - before };
}

function summedUp(turns: readonly Turn[]): Round {
  const sum = (of: (turn: Turn) => number) => turns.reduce((all, turn) => all + of(turn), 0);
  const answered = sum((turn) => turn.answered);
  const processorUs = (sum((turn) => turn.processorMs) * 1000) / answered;
  const latency = turns.flatMap((turn) => turn.latency).sort(([a], [b]) => a - b);
  return {
    perSecond: (answered * 1000) / sum((turn) => turn.ms),
    processorUs: Number.isNaN(processorUs) ? null : processorUs,
    p50: quantile(latency, 0.5),
    p99: quantile(latency, 0.99),
    failed: sum((turn) => turn.failed),
  };
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

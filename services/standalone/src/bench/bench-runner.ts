import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { HaldaneError, messageOf, systemClock } from '@haldane/core';
import { Runner } from '@haldane/runner';
import { createHistogram, quantile, recordLatency } from '@haldane/statistics';
import { type Address, openStore } from '@haldane/store';
import { benchWorld } from './bench-world.ts';

/** What a runner of the benchmark saw since it was asked last. */
export type Seen = {
  /** Runs that it took, and in how many milliseconds all of them. */
  readonly claimed: number;
  readonly claimingMs: number;
  readonly observing: number;
  /** Seconds of runs that it stored, and how long after their end. */
  readonly seconds: number;
  readonly lateMs: { readonly p50: number; readonly p99: number };
  /** What went wrong, in words. */
  readonly trouble: readonly string[];
};

export type BenchRunner = { readonly pid: number; seen(): Promise<Seen>; stop(): Promise<void> };

/** A runner in a process of its own, which takes whatever runs there are. */
export async function hireRunner(address: Address): Promise<BenchRunner> {
  const child = fork(fileURLToPath(new URL('./main.js', import.meta.url)), ['runner'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const gone = once(child, 'exit').then(() => {
    throw new HaldaneError('gone', 'the runner of the benchmark ended');
  });
  gone.catch(() => undefined);
  const ask = async (what: unknown): Promise<unknown> => {
    const answer = once(child, 'message');
    child.send(what as object);
    return (await Promise.race([answer, gone]))[0];
  };
  await ask({ address });
  return {
    pid: child.pid ?? 0,
    seen: async () => (await ask({})) as Seen,
    stop: async () => {
      child.kill('SIGKILL');
      await gone.catch(() => undefined);
    },
  };
}

/** In the child: drives runs, and says what it saw whenever it is asked. Ends with its parent. */
export function beRunner(): void {
  process.on('disconnect', () => process.exit(0));
  process.once('message', ({ address }: { readonly address: Address }) => void drive(address).then(() => process.send?.('ready')));
}

async function drive(address: Address): Promise<void> {
  const store = await openStore(address);
  const trouble: string[] = [];
  const claims = { count: 0, first: 0, last: 0 };
  let observing = 0;
  let late = createHistogram();
  const { runs } = store;
  const claim = runs.claim.bind(runs);
  runs.claim = async (...asked) => {
    const claimed = await claim(...asked);
    if (claimed === null) return null;
    claims.first ||= performance.now();
    claims.last = performance.now();
    claims.count += 1;
    return claimed;
  };
  const advance = runs.advance.bind(runs);
  runs.advance = async (...asked) => {
    const run = await advance(...asked);
    if (run.phase === 'observing') observing += 1;
    return run;
  };
  new Runner({
    name: 'bench',
    store,
    clock: systemClock,
    atOnce: Number.POSITIVE_INFINITY,
    assemble: (claimed) => benchWorld(claimed, store, (at) => recordLatency(late, Math.max(0, Date.now() - (at + 1) * 1000))),
    onTrouble: (what, error) => trouble.push(`${what}: ${messageOf(error)}`),
  }).start();
  process.on('message', () => {
    const seen: Seen = {
      claimed: claims.count,
      claimingMs: claims.last - claims.first,
      observing,
      seconds: late.total,
      lateMs: { p50: quantile(late, 0.5) ?? Number.NaN, p99: quantile(late, 0.99) ?? Number.NaN },
      trouble: trouble.splice(0),
    };
    late = createHistogram();
    process.send?.(seen);
  });
}

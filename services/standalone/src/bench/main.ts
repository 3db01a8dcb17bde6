import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { newRunId } from '@haldane/runner';
import { openStore, type Store, startEmbedded } from '@haldane/store';
import { processorMs, residentBytes, tableText } from '@haldane/testkit';
import { askApi } from './ask-api.ts';
import { type BenchRunner, beRunner, hireRunner, type Seen } from './bench-runner.ts';
import { benchExperiment } from './bench-world.ts';
import { serverUse } from './server-use.ts';
import { storeCost, type WriteCost } from './store-cost.ts';

const full = { sizes: [10, 100, 1000], windowMs: 30_000 };
const quick = { sizes: [10, 100], windowMs: 10_000 };
/** All runs observe within this long, or the benchmark gives up. */
const readyWithinMs = 240_000;
/** So much more may a run cost among ten times as many: what is measured in half a minute is not measured better. */
const bar = 1.2;
/** A runner that has too much to do is late first, and then stores less. */
const leastStored = 0.98;
const hourMs = 3_600_000;
const say = (text: string) => void process.stdout.write(text);

/** What is to be ended, last first. */
type Closing = (() => Promise<unknown>)[];

/** What so many runs at once cost. Rates are for one run and one hour of its watch. */
type Cost = {
  readonly runs: number;
  readonly claimsPerSecond: number;
  readonly runnerSeconds: number;
  readonly databaseSeconds: number;
  readonly writtenMb: number;
  readonly residentMb: number;
  readonly lateMs: { readonly p50: number; readonly p99: number };
  /** Part of the seconds that should have been stored in the window, and were. */
  readonly stored: number;
  readonly apiP99: number;
};

async function main(words: string[]): Promise<number> {
  const { values } = parseArgs({
    args: words,
    options: {
      quick: { type: 'boolean', default: false },
      runs: { type: 'string', multiple: true },
      store: { type: 'boolean', default: false },
    },
  });
  const { sizes: usual, windowMs } = values.quick ? quick : full;
  const sizes = values.runs?.map(Number) ?? usual;
  if (values.store) return storeCosts(sizes);
  say(
    `control plane benchmark, ${values.quick ? 'quick' : 'full'}, Node ${process.version}; one runner, one API server, one embedded PostgreSQL\n\n`,
  );
  const costs: Cost[] = [];
  const closing: Closing = [];
  const close = async () => {
    for (let step = closing.pop(); step !== undefined; step = closing.pop()) await step();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close().finally(() => process.exit(130)));
  try {
    for (const runs of sizes) {
      const cost = await costOf(runs, windowMs, closing);
      await close();
      if (cost === null) break;
      costs.push(cost);
    }
  } finally {
    await close();
  }
  say(
    `\nFor one run, and an hour of its watch\n\n${tableText([
      ['runs at once', 'runner s', 'database s', 'written MB'],
      ...costs.map((cost) => [`${cost.runs}`, cost.runnerSeconds.toFixed(2), cost.databaseSeconds.toFixed(2), cost.writtenMb.toFixed(1)]),
    ])}\nFor all of them\n\n${tableText([
      ['runs at once', 'claims/s', 'runner MB', 'stored', 'late p50 ms', 'late p99 ms', 'API p99 ms'],
      ...costs.map((cost) => [
        `${cost.runs}`,
        cost.claimsPerSecond.toFixed(0),
        cost.residentMb.toFixed(0),
        `${(100 * cost.stored).toFixed(1)} %`,
        cost.lateMs.p50.toFixed(0),
        cost.lateMs.p99.toFixed(0),
        cost.apiP99.toFixed(0),
      ]),
    ])}\nlate: from the end of a second of users to its evidence being stored and judged; 250 ms of it are waited for stragglers\n\n`,
  );
  return verdicts(costs, sizes);
}

/** The store alone, without runs that are driven: no clock is in it. */
async function storeCosts(sizes: readonly number[]): Promise<number> {
  const rows = [['runs at once', 'second: client ms', 'server ms', 'written kB', 'renewal: client ms', 'server ms', 'written kB']];
  for (const runs of sizes) {
    const dataDir = await mkdtemp(join(tmpdir(), 'haldane-bench-'));
    const database = await startEmbedded({ dataDir });
    try {
      const store = await openStore({ connection: database.connection });
      const { second, renewal } = await storeCost(store, database.connection, runs).finally(() => store.close());
      const cells = ({ clientMs, serverMs, writtenBytes }: WriteCost) => [
        clientMs.toFixed(3),
        serverMs.toFixed(3),
        (writtenBytes / 1000).toFixed(1),
      ];
      rows.push([`${runs}`, ...cells(second), ...cells(renewal)]);
    } finally {
      await database.remove();
      await rm(dataDir, { recursive: true, force: true });
    }
  }
  say(`What a run costs to store, for each second and each renewal of a lease\n\n${tableText(rows)}\n`);
  return 0;
}

async function costOf(runs: number, windowMs: number, closing: Closing): Promise<Cost | null> {
  const dataDir = await mkdtemp(join(tmpdir(), 'haldane-bench-'));
  closing.push(() => rm(dataDir, { recursive: true, force: true }));
  const database = await startEmbedded({ dataDir });
  closing.push(() => database.remove());
  const store = await openStore({ connection: database.connection });
  closing.push(() => store.close());
  const ids: string[] = [];
  for (let n = 0; n < runs; n += 1) {
    const service = `service-${n}`;
    const experiment = benchExperiment(service);
    ids.push((await store.runs.create({ id: newRunId(), service, environment: 'test', experiment, key: null })).id);
  }
  const runner = await hireRunner({ connection: database.connection });
  closing.push(() => runner.stop());
  const began = performance.now();
  const claims = await allObserving(runner, runs, store, began);
  if (claims === null) return null;
  say(`${runs} runs observe after ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
  // Begins anew: what was stored on the way here is not asked about.
  await runner.seen();
  const use = () => ({
    runner: processorMs(runner.pid) ?? Number.NaN,
    server: serverUse(database.connection),
    at: performance.now(),
  });
  const before = use();
  const api = await askApi(store, dataDir, ids, sleep(windowMs));
  const after = use();
  const seen = await runner.seen();
  for (const what of new Set(seen.trouble)) say(`trouble: ${what}\n`);
  const runHours = (runs * (after.at - before.at)) / hourMs;
  const server = (of: 'processorMs' | 'writtenBytes') => (after.server?.[of] ?? Number.NaN) - (before.server?.[of] ?? Number.NaN);
  return {
    runs,
    claimsPerSecond: (claims.claimed * 1000) / claims.claimingMs,
    runnerSeconds: (after.runner - before.runner) / 1000 / runHours,
    databaseSeconds: server('processorMs') / 1000 / runHours,
    writtenMb: server('writtenBytes') / 1e6 / runHours,
    residentMb: (residentBytes(runner.pid) ?? Number.NaN) / 1e6,
    lateMs: seen.lateMs,
    stored: seen.seconds / ((runs * (after.at - before.at)) / 1000),
    apiP99: api.p99,
  };
}

async function allObserving(runner: BenchRunner, runs: number, store: Store, began: number): Promise<Seen | null> {
  for (;;) {
    const seen = await runner.seen();
    for (const what of new Set(seen.trouble)) say(`trouble: ${what}\n`);
    if (seen.observing >= runs) return seen;
    // A machine that is too busy to answer at this moment says nothing about the runs.
    const [newest] = await store.runs.list(1).catch(() => []);
    if (newest?.stop) throw new Error(`a run of the benchmark was stopped: ${newest.stop.why}`);
    if (performance.now() - began > readyWithinMs) {
      say(`only ${seen.observing} of ${runs} runs observe after ${readyWithinMs / 1000} s\n`);
      return null;
    }
    await sleep(500);
  }
}

/** Each size against the one before it. */
function verdicts(costs: readonly Cost[], sizes: readonly number[]): number {
  const kinds = [
    ['processor time of the runner', (cost: Cost) => cost.runnerSeconds],
    ['processor time of the database', (cost: Cost) => cost.databaseSeconds],
    ['bytes written', (cost: Cost) => cost.writtenMb],
  ] as const;
  let missed = 0;
  const judge = (isMet: boolean, what: string) => {
    if (!isMet) missed += 1;
    say(`${isMet ? 'met' : 'MISSED'}: ${what}\n`);
  };
  for (const runs of sizes.slice(costs.length))
    judge(false, `${runs} runs are more than one runner and one database can drive on this machine`);
  for (const [i, cost] of costs.entries()) {
    const fewer = costs[i - 1];
    judge(
      cost.stored >= leastStored,
      `${(100 * cost.stored).toFixed(1)} % of the seconds of ${cost.runs} runs were stored (bar ${100 * leastStored} %)`,
    );
    if (fewer === undefined) continue;
    for (const [what, of] of kinds) {
      const ratio = of(cost) / of(fewer);
      judge(ratio <= bar, `${ratio.toFixed(2)} of the ${what} of a run among ${cost.runs}, against one among ${fewer.runs} (bar ${bar})`);
    }
  }
  return missed > 0 ? 1 : 0;
}

if (process.argv[2] === 'runner') beRunner();
else process.exitCode = await main(process.argv.slice(2));

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tableText } from '@haldane/testkit';
import { startHaldane } from './haldane.ts';
import { peers } from './peers.ts';
import { isInstalled, programs, startProgram } from './programs.ts';
import { type Entrant, interleaved, median, oneTurn, type Round } from './rounds.ts';
import { hireLoad, type Servant, serveParent, startPeer, startUpstream } from './servants.ts';
import { soak } from './soak.ts';
import { whereTimeGoes } from './where-time-goes.ts';

const full = { rounds: 5, starts: 3, turns: 3, turnMs: 400, warmMs: 1500, profileMs: 5000 };
const quick = { rounds: 3, starts: 1, turns: 3, turnMs: 400, warmMs: 1500, profileMs: 3000 };
/** Of delays: a start of it is not worth more than a turn. */
const delayed = { starts: 1, turns: 5 };
const ours = 'haldane';
const oursWide = 'haldane, wide slice';
const bare = 'bare undici';
const direct = 'no proxy';
/** Issue 4, Show 4. */
const bars = { ofBare: 0.85, processorOfBare: 1.2 };
/** For each arm. The usual one is what an experiment's file gets that says nothing of it. */
const shares = { usual: 0.01, wide: 0.1 };
const say = (text: string) => void process.stdout.write(text);
const one = keyOf(peers);
const other = keyOf(programs);

async function main(words: string[]): Promise<number> {
  const { values } = parseArgs({
    args: words,
    options: { quick: { type: 'boolean', default: false }, soak: { type: 'string' } },
  });
  if (values.soak !== undefined) return soak(Number(values.soak), say);
  const plan = values.quick ? quick : full;
  const began = performance.now();
  const servants: Servant[] = [];
  const keep = <T extends Servant>(servant: T): T => {
    servants.push(servant);
    return servant;
  };
  try {
    const load = keep(hireLoad());
    const upstream = keep(await startUpstream(3));
    const service = upstream.ports[0] ?? 0;
    say(
      `router benchmark, ${values.quick ? 'quick' : 'full'}, Node ${process.version}; 64 connections, medians of ${plan.rounds} rounds: all are started ${plan.starts} times in each, and take ${plan.turns} turns every time\n`,
    );

    const entrants: Entrant[] = [{ name: direct, start: async () => ({ port: service, pid: null, stop: async () => undefined }) }];
    for (const name of other) {
      if (isInstalled(name)) entrants.push({ name, start: () => startProgram(name, service) });
      else say(`${name} is not installed: skipped\n`);
    }
    for (const name of one) entrants.push({ name, start: () => startPeer(name, `http://127.0.0.1:${service}`) });
    const counted = { usual: 0, wide: 0 };
    for (const [name, width] of [
      [ours, 'usual'],
      [oursWide, 'wide'],
    ] as const) {
      entrants.push({
        name,
        start: async () => {
          const haldane = await startHaldane(upstream.ports, shares[width]);
          const done = async () => {
            await haldane.assertSliced();
            counted[width] += haldane.counted();
          };
          return { ...haldane, done };
        },
      });
    }

    const speeds = await interleaved(entrants, load.run, { ...plan, rate: null });
    const slowest = Math.min(...[...speeds.values()].map((turns) => median(turns.map(({ perSecond }) => perSecond))));
    const rate = Math.floor(slowest / 2);
    const delays = await interleaved(entrants, load.run, { ...plan, ...delayed, rate });

    say(`\nRequests a second, and processor time of the proxy for each\n\n${speedRows(speeds)}`);
    say(
      `\nMilliseconds added at ${rate} requests a second (half of what the slowest one does), and how far its p99 ranged\n\n${delayRows(delays)}`,
    );
    const failed = [...speeds, ...delays].flatMap(([, rounds]) => rounds.map((round) => round.failed)).reduce((a, b) => a + b, 0);
    say(
      `\n${failed} answers were not whole or not 200; the slices of ${100 * shares.usual} % and ${100 * shares.wide} % for each arm brought ${counted.usual} and ${counted.wide} requests into arms\n`,
    );

    say(`\nWhere the time of ${ours} goes (an extra round)\n\n${await profileRows(upstream.ports, load.run, plan.profileMs)}`);
    const missed = verdicts(speeds);
    say(`\n${missed.join('')}${Math.round((performance.now() - began) / 1000)} s\n`);
    return failed > 0 ? 1 : 0;
  } finally {
    await Promise.all(servants.map((servant) => servant.stop()));
  }
}

function speedRows(speeds: ReadonlyMap<string, readonly Round[]>): string {
  const rate = (name: string) => median((speeds.get(name) ?? []).map(({ perSecond }) => perSecond));
  const processor = (name: string) => median((speeds.get(name) ?? []).map(({ processorUs }) => processorUs ?? Number.NaN));
  return tableText([
    ['', 'req/s', `x ${direct}`, `x ${bare}`, 'processor us', `x ${bare}`],
    ...[...speeds.keys()].map((name) => [
      name,
      rate(name).toFixed(0),
      (rate(name) / rate(direct)).toFixed(2),
      (rate(name) / rate(bare)).toFixed(2),
      Number.isNaN(processor(name)) ? '-' : processor(name).toFixed(0),
      Number.isNaN(processor(name)) ? '-' : (processor(name) / processor(bare)).toFixed(2),
    ]),
  ]);
}

function delayRows(delays: ReadonlyMap<string, readonly Round[]>): string {
  const of = (name: string, which: 'p50' | 'p99') => (delays.get(name) ?? []).map((round) => round[which]);
  return tableText([
    ['', 'p50', '+p50', 'p99', '+p99', 'p99 from', 'to'],
    ...[...delays.keys()].map((name) => [
      name,
      median(of(name, 'p50')).toFixed(2),
      (median(of(name, 'p50')) - median(of(direct, 'p50'))).toFixed(2),
      median(of(name, 'p99')).toFixed(2),
      (median(of(name, 'p99')) - median(of(direct, 'p99'))).toFixed(2),
      Math.min(...of(name, 'p99')).toFixed(2),
      Math.max(...of(name, 'p99')).toFixed(2),
    ]),
  ]);
}

/** Ratios round by round: what the machine does in a round hits both. */
function verdicts(speeds: ReadonlyMap<string, readonly Round[]>): string[] {
  const mine = speeds.get(ours) ?? [];
  const ratio = (name: string, of: (round: Round) => number) =>
    median((speeds.get(name) ?? []).map((round, i) => of(mine[i] ?? round) / of(round)));
  const rows = one.map((name) => {
    const reached = ratio(name, ({ perSecond }) => perSecond);
    const wanted = name === bare ? bars.ofBare : 1;
    return `${reached >= wanted ? 'met' : 'MISSED'}: ${reached.toFixed(2)} of the rate of ${name} (bar ${wanted})\n`;
  });
  const used = ratio(bare, ({ processorUs }) => processorUs ?? Number.NaN);
  if (Number.isNaN(used)) return rows;
  return [
    ...rows,
    `${used <= bars.processorOfBare ? 'met' : 'MISSED'}: ${used.toFixed(2)} of the processor time of ${bare} (bar ${bars.processorOfBare})\n`,
  ];
}

async function profileRows(ports: readonly number[], run: Parameters<typeof oneTurn>[1], ms: number): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'haldane-profile-'));
  try {
    const haldane = await startHaldane(ports, shares.usual, dir);
    try {
      await oneTurn({ name: ours, port: haldane.port, pid: null }, run, ms, null);
    } finally {
      await haldane.stop();
    }
    return tableText(whereTimeGoes(dir).map(({ area, share, top }) => [area, `${(100 * share).toFixed(1)} %`, top]));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function keyOf<T extends object>(of: T): (keyof T)[] {
  return Object.keys(of) as (keyof T)[];
}

if (process.argv[2] === 'servant') serveParent();
else process.exitCode = await main(process.argv.slice(2));

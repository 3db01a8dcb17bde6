import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Run } from '@haldane/core';
import { newRunId } from '@haldane/runner';
import { openStore, startEmbedded } from '@haldane/store';
import { cutConnections } from '@haldane/store/testing';
import { sampleDeployment, sampleExperiment } from '@haldane/testkit';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { openRoom } from '../testing/room.ts';
import { seedOfSamples } from '../testing/sample.ts';
import { openOutside } from './outside.ts';

/** Runs, and blows that fall on runners and database while they go. `LANE=full` makes it two hundred. */
const full = process.env['LANE'] === 'full';
const runs = full ? 200 : 9;
const blows = full ? 40 : 5;
const timing = { leaseMs: 4_000, renewEveryMs: 500, applyTimeoutMs: 1_500, claimEveryMs: 200, offeredMs: 1_000 };
/** A runner that is held so long has lost everything, and somebody else has taken it. */
const pausedMs = timing.leaseMs + timing.applyTimeoutMs + 1_500;
/** Every run takes some 15 s alone; the rest is patience with a busy machine. */
const withinMs = full ? 1_200_000 : 150_000;

allowSeconds(withinMs / 1000 + 60);
const room = await openRoom();
after(() => room.leave());

/** The same numbers for the same commit; another commit, others. */
const seed = seedOfSamples();
let drawn = 0;
const draw = (below: number) => {
  drawn += 1;
  return createHash('sha256').update(`${seed}:${drawn}`).digest().readUInt32BE() % below;
};

test(`${runs} runs on three runners that are killed and paused, over a database that restarts`, async (t) => {
  t.comment(`seed ${seed}`);
  const dataDir = await room.passable('database');
  const start = () => startEmbedded({ dataDir, fsync: false });
  let database = await start();
  room.onLeave(() => database.stop());
  const address = { connection: database.connection };
  const store = await openStore(address);
  room.onLeave(() => store.close());
  const services = Array.from({ length: runs }, (_, n) => `service-${n}`);
  const outside = await openOutside(services, timing.leaseMs);
  room.onLeave(() => outside.close());
  const before = outside.look();

  const runners = new Map<string, ChildProcess>();
  const crashed: string[] = [];
  const startRunner = async (name: string): Promise<void> => {
    const given = JSON.stringify({ address, outside: outside.url, name, timing });
    const file = fileURLToPath(new URL(`runner-process${extname(import.meta.url)}`, import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, file, given], { cwd: room.folder, stdio: ['ignore', 'pipe', 'ignore'] });
    runners.set(name, child);
    room.onLeave(async () => child.kill('SIGKILL'));
    child.once('exit', (code) => {
      if (code !== null && code !== 0) crashed.push(`${name} ended by itself with ${code}`);
    });
    const up = once(child.stdout as NonNullable<typeof child.stdout>, 'data').then(() => true);
    await Promise.race([up, once(child, 'exit')]);
  };
  const names = ['one', 'two', 'three'];
  await Promise.all(names.map(startRunner));

  // Each run is asked for twice at once, as by a caller that had no answer the first time.
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let tries = 0; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if ((error as { code?: string }).code !== 'unavailable' || tries > 100) throw error;
        await sleep(200);
      }
    }
  };
  const create = (service: string) =>
    patiently(() =>
      store.runs.create({
        id: newRunId(),
        ...wanted(service),
        key: `of ${service}`,
      }),
    );
  const created: Run[] = [];
  const creating = (async () => {
    for (const service of services) {
      const [first, second] = await Promise.all([create(service), create(service)]);
      t.equal(first.id, second.id);
      created.push(first);
      await sleep(full ? 250 : 20);
    }
  })();

  const said: Record<string, number> = {};
  const blow = async (what: 'kill' | 'pause' | 'restart' | 'cut') => {
    said[what] = (said[what] ?? 0) + 1;
    const name = names[draw(names.length)] ?? 'one';
    const child = runners.get(name);
    if (what === 'kill') {
      child?.kill('SIGKILL');
      await startRunner(name);
    } else if (what === 'pause') {
      child?.kill('SIGSTOP');
      await sleep(pausedMs);
      child?.kill('SIGCONT');
    } else if (what === 'restart') {
      await database.stop();
      database = await start();
    } else await cutConnections(address).catch(() => undefined);
  };
  const isOver = async () =>
    created.length === runs && (await patiently(() => store.runs.list(runs + 10))).every(({ phase }) => phase === 'done');
  // Two restarts, a pause and a kill in any case; the others as they are drawn.
  const plan = [
    'pause',
    'restart',
    'kill',
    'restart',
    'cut',
    ...Array.from({ length: blows }, () => (['kill', 'pause', 'cut'] as const)[draw(3)]),
  ].slice(0, blows) as ('kill' | 'pause' | 'restart' | 'cut')[];
  for (const what of plan) {
    await sleep(1_000 + draw(full ? 6_000 : 2_500));
    await blow(what);
  }
  await creating;
  const until = Date.now() + withinMs;
  while (!(await isOver()) && Date.now() < until) await sleep(500);

  const ended = await store.runs.list(runs + 10);
  t.equal(ended.length, runs, 'as many runs as were asked for');
  t.same(
    ended.filter(({ phase }) => phase !== 'done').map(({ id, phase, service }) => ({ id, phase, service })),
    [],
    'every one of them has ended',
  );
  const wrong: string[] = [];
  let lost = 0;
  for (const run of ended) {
    const events = await store.runs.events(run.id, 0, 10_000);
    const ends = events.filter(({ type, data }) => type === 'phase' && data['phase'] === 'done');
    if (ends.length !== 1) wrong.push(`${run.id} ended ${ends.length} times`);
    if (events.at(-1) !== ends[0]) wrong.push(`${run.id}: ${events.at(-1)?.type} was told after its end`);
    if (events.some(({ seq }, index) => seq !== index + 1)) wrong.push(`${run.id}: its events have a gap`);
    const open = (await store.journal.entries(run.id)).filter(({ state }) => state !== 'reverted');
    if (open.length > 0) wrong.push(`${run.id}: ${open.map(({ change }) => change.id).join(', ')} not back`);
    if (outside.lastMade(run.id) > (ends[0]?.at ?? 0)) wrong.push(`${run.id}: something was made after its end`);
    if (run.stop?.reason === 'lease-lost') lost += 1;
    if (run.facts.restored?.clean === false) wrong.push(`${run.id}: ${run.facts.restored.stuck.join('; ')}`);
  }
  t.same(wrong, []);
  t.same(crashed, [], 'no runner ended but by us');
  // In a sample every blow may miss.
  if (full) t.ok(lost > 0, `${lost} of ${runs} lost their runner and were put back`);
  const gone = Date.now() + 2 * timing.leaseMs;
  while (outside.look() !== before && Date.now() < gone) await sleep(100);
  t.equal(outside.look(), before, 'the world outside is as it was');
  t.comment(JSON.stringify({ runs, lost, verdicts: countOf(ended.map(({ facts }) => facts.verdict?.verdict ?? 'none')), blows: said }));
  for (const child of runners.values()) child.kill('SIGKILL');
});

function wanted(service: string) {
  const { environment } = sampleDeployment(service);
  const spec = { ...sampleExperiment(service), scenario: { id: 'keys-away', params: {} }, environment };
  const probes = { legitimateRate: 5, hostileRate: 20, cleanAnswers: 20 };
  return { service, environment, experiment: { ...spec, baselineSeconds: 3, watchSeconds: 5, contact: 10, probes } };
}

function countOf(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

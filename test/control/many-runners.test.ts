import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkChain, HaldaneClient } from '@haldane/client';
import { type Run, systemClock } from '@haldane/core';
import { openStore, startEmbedded } from '@haldane/store';
import { cutConnections } from '@haldane/store/testing';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { openRoom } from '../testing/room.ts';
import { seedOfSamples } from '../testing/sample.ts';
import { openBalancer } from './balancer.ts';
import { openOutside } from './outside.ts';

/** Runs, and blows that fall on runners and database while they go. `LANE=full` makes it two hundred. */
const full = process.env['LANE'] === 'full';
const runs = full ? 200 : 9;
const blows = full ? 40 : 5;
const timing = { leaseMs: 4_000, renewEveryMs: 500, applyTimeoutMs: 1_500, claimEveryMs: 200, offeredMs: 1_000 };
/** A runner that is held so long has lost everything, and somebody else has taken it. */
const pausedMs = timing.leaseMs + timing.applyTimeoutMs + 1_500;
/** Every so-manieth run is followed by its events. */
const followedOf = full ? 10 : 3;
const token = randomBytes(16).toString('hex');
type Blow = 'kill' | 'pause' | 'restart' | 'cut' | 'api';
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

test(`${runs} runs asked for of two API servers and driven by three runners that are killed and paused, over a database that restarts`, async (t) => {
  t.comment(`seed ${seed}`);
  const dataDir = await room.passable('database');
  const startDatabase = () => startEmbedded({ dataDir, fsync: false });
  let database = await startDatabase();
  room.onLeave(() => database.stop());
  const address = { connection: database.connection };
  const store = await openStore(address);
  room.onLeave(() => store.close());
  const services = Array.from({ length: runs }, (_, n) => `service-${n}`);
  const outside = await openOutside(services, timing.leaseMs);
  room.onLeave(() => outside.close());
  const before = outside.look();

  const processes = new Map<string, ChildProcess>();
  const crashed: string[] = [];
  /** Resolves with what it says when it is up. */
  const start = async (name: string, program: string, given: object): Promise<string> => {
    const path = fileURLToPath(new URL(`${program}${extname(import.meta.url)}`, import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, path, JSON.stringify({ address, ...given })], {
      cwd: room.folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    processes.set(name, child);
    room.onLeave(async () => child.kill('SIGKILL'));
    child.once('exit', (code) => {
      if (code !== null && code !== 0) crashed.push(`${name} ended by itself with ${code}`);
    });
    const up = once(child.stdout as NonNullable<typeof child.stdout>, 'data').then(([said]) => String(said).trim());
    return Promise.race([up, once(child, 'exit').then(() => '')]);
  };
  const startRunner = (name: string) => start(name, 'runner-process', { outside: outside.url, name, timing });
  const names = ['one', 'two', 'three'];
  const startApi = (name: string, port: number) => start(name, 'api-process', { port, token });
  const apis = ['api one', 'api two'];
  const [ports] = await Promise.all([
    Promise.all(apis.map(async (name) => Number(new URL(await startApi(name, 0)).port))),
    ...names.map(startRunner),
  ]);
  const balancer = await openBalancer(ports, (below) => Math.floor(Math.random() * below));
  room.onLeave(() => balancer.close());
  const client = new HaldaneClient({ address: balancer.url, token });

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
  const create = (service: string) => patiently(() => client.create({ file: service, key: `of ${service}` }));
  /** The numbers of a run's events as somebody sees them who follows it from its creation to its end, whichever server answers. */
  const followed = new Map<string, Promise<readonly number[]>>();
  const follow = async ({ id }: Run): Promise<readonly number[]> => {
    const seen: number[] = [];
    for (let isOver = false; !isOver && !leaving.signal.aborted; )
      try {
        for await (const { seq, type, data } of client.events(id, seen.at(-1) ?? 0, leaving.signal)) {
          seen.push(seq);
          isOver = type === 'phase' && data['phase'] === 'done';
        }
      } catch (error) {
        if ((error as { code?: string }).code !== 'unavailable') throw error;
        await systemClock.sleep(200, leaving.signal).catch(() => undefined);
      }
    return seen;
  };
  const leaving = new AbortController();
  const created: Run[] = [];
  const creating = (async () => {
    for (const service of services) {
      const [first, second] = await Promise.all([create(service), create(service)]);
      t.equal(first.id, second.id, 'asked for twice, it is one run');
      created.push(first);
      if (created.length % followedOf === 1) followed.set(first.id, follow(first));
      await sleep(full ? 250 : 20);
    }
  })();

  const said: Record<string, number> = {};
  const blow = async (what: Blow) => {
    said[what] = (said[what] ?? 0) + 1;
    const name = names[draw(names.length)] ?? 'one';
    const child = processes.get(name);
    if (what === 'kill') {
      child?.kill('SIGKILL');
      await startRunner(name);
    } else if (what === 'pause') {
      child?.kill('SIGSTOP');
      await sleep(pausedMs);
      child?.kill('SIGCONT');
    } else if (what === 'api') {
      const one = draw(apis.length);
      processes.get(apis[one] ?? '')?.kill('SIGKILL');
      await startApi(apis[one] ?? '', ports[one] ?? 0);
    } else if (what === 'restart') {
      await database.stop();
      database = await startDatabase();
    } else await cutConnections(address).catch(() => undefined);
  };
  const isOver = async () =>
    created.length === runs && (await patiently(() => store.runs.list(runs + 10))).every(({ phase }) => phase === 'done');
  // A restart, a pause, a kill and a server's death in any case, and a second restart with more blows; the others as they are drawn.
  const plan = [
    'pause',
    'restart',
    'kill',
    'api',
    'cut',
    'restart',
    ...Array.from({ length: blows }, () => (['kill', 'pause', 'cut', 'api'] as const)[draw(4)]),
  ].slice(0, blows) as Blow[];
  for (const what of plan) {
    await sleep(1_000 + draw(full ? 6_000 : 2_500));
    await blow(what);
  }
  await creating;
  const until = Date.now() + withinMs;
  while (!(await isOver()) && Date.now() < until) await sleep(500);

  const ended = await store.runs.list(runs + 10);
  // Whoever follows a run that does not end would wait for ever.
  const patience = setTimeout(() => leaving.abort(), 30_000);
  room.onLeave(async () => clearTimeout(patience));
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
    const seen = await followed.get(run.id);
    if (seen !== undefined && seen.join() !== events.map(({ seq }) => seq).join())
      wrong.push(`${run.id}: who followed it saw ${seen.join()}`);
    if (run.facts.restored?.clean === false) wrong.push(`${run.id}: ${run.facts.restored.stuck.join('; ')}`);
  }
  t.same(wrong, []);
  t.same(crashed, [], 'no process ended but by us');
  t.ok(followed.size >= Math.floor(runs / followedOf));
  const chain = await checkChain(client.audit(), []);
  t.equal(chain.wrong, null, 'the audit log has no gap');
  t.ok(chain.entries >= runs, 'and says of every run who asked for it');
  // In a sample every blow may miss.
  if (full) t.ok(lost > 0, `${lost} of ${runs} lost their runner and were put back`);
  const gone = Date.now() + 2 * timing.leaseMs;
  while (outside.look() !== before && Date.now() < gone) await sleep(100);
  t.equal(outside.look(), before, 'the world outside is as it was');
  t.comment(JSON.stringify({ runs, lost, verdicts: countOf(ended.map(({ facts }) => facts.verdict?.verdict ?? 'none')), blows: said }));
  for (const child of processes.values()) child.kill('SIGKILL');
});

function countOf(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

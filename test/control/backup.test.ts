import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkChain } from '@haldane/client';
import { wholeScope } from '@haldane/core';
import { newRunId } from '@haldane/runner';
import { type Address, allowPool, openStore, type Store, startEmbedded } from '@haldane/store';
import { connectionOf, dumpOf } from '@haldane/store/testing';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { openRoom } from '../testing/room.ts';
import { openOutside } from './outside.ts';
import { wantedRun } from './wanted-run.ts';

const timing = { leaseMs: 8_000, renewEveryMs: 500, applyTimeoutMs: 1_500, claimEveryMs: 100, offeredMs: 1_000 };
const withinMs = 240_000;
allowSeconds(withinMs / 1000 + 60);
const room = await openRoom();
after(() => room.leave());
const act = {
  who: 'ann',
  token: 't1',
  from: '127.0.0.1',
  did: 'lockService',
  to: 'orders',
  outcome: 'allowed',
  code: null,
  detail: {},
} as const;

test('a copy of the data folder is whole, is its own wherever it is put, and what was live in it is put back', async (t) => {
  const from = await room.passable('database');
  const to = join(room.folder, 'restored');
  const services = ['finished', 'live', 'waiting'];
  const outside = await openOutside(services, timing.leaseMs);
  room.onLeave(() => outside.close());
  const before = outside.look();
  const open = async (dataDir: string): Promise<{ address: Address; store: Store; close(): Promise<void> }> => {
    const database = await startEmbedded({ dataDir, fsync: false });
    room.onLeave(() => database.stop());
    const address = { connection: database.connection };
    const store = await openStore(address);
    const close = async () => {
      await store.close();
      await database.stop();
    };
    return { address, store, close };
  };
  const startRunner = async (address: Address, name: string): Promise<ChildProcess> => {
    const given = JSON.stringify({ address, outside: outside.url, name, timing });
    const file = fileURLToPath(new URL(`runner-process${extname(import.meta.url)}`, import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, file, given], { cwd: room.folder, stdio: ['ignore', 'pipe', 'ignore'] });
    room.onLeave(async () => child.kill('SIGKILL'));
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    return child;
  };
  const end = async (child: ChildProcess) => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const until = Date.now() + withinMs;
  const soon = async (what: string, look: () => Promise<boolean>): Promise<void> => {
    while (!(await look())) {
      if (Date.now() > until) throw new Error(`${what} did not come in ${withinMs / 1000} s`);
      await sleep(100);
    }
  };
  const phaseOf = async (store: Store, id: string) => (await store.runs.get(id))?.phase;

  const first = await open(from);
  const create = (service: string, watchSeconds: number, more = {}) => {
    const wanted = wantedRun(service);
    const experiment = { ...wanted.experiment, watchSeconds };
    return first.store.runs.create({ id: newRunId(), ...wanted, experiment, key: `of ${service}`, ...more });
  };
  const [finished, live, waiting] = await Promise.all([
    create('finished', 5),
    create('live', 600),
    create('waiting', 5, { pool: 'nobody' }),
  ]);
  const orders = { service: 'orders', environment: 'test' };
  await first.store.policy.setLock(orders, { why: 'an incident', by: 'ann', livesMs: 86_400_000 });
  await first.store.policy.reserve(live, 7, 100);
  await first.store.audit.append(act);
  await first.store.audit.append({ ...act, outcome: 'refused', code: 'forbidden' });
  const grants = [{ role: 'viewer', team: 'tests' }] as const;
  const { secret } = await first.store.tokens.issue({ subject: 'ann', grants, scope: wholeScope, madeBy: 'x', livesMs: 86_400_000 });
  const password = (await allowPool(first.address, { role: 'of_nobody', pool: 'nobody' })) ?? '';
  const runner = await startRunner(first.address, 'first');
  await soon('a run that has ended, and one that watches', async () => {
    const phases = [await phaseOf(first.store, finished.id), await phaseOf(first.store, live.id)];
    return phases[0] === 'done' && phases[1] === 'observing';
  });
  await end(runner);
  t.not(outside.look(), before, 'something stands in the world');
  const written = await dumpOf(first.address);
  const head = await first.store.audit.head();
  await first.close();
  await promisify(execFile)('cp', ['-a', from, to]);

  // Haldane goes on and puts the run back; then its machine is lost, and the copy is all there is.
  const second = await open(from);
  const other = await startRunner(second.address, 'second');
  await soon('the end of the live run', async () => (await phaseOf(second.store, live.id)) === 'done');
  await end(other);

  const third = await open(to);
  t.equal(await dumpOf(third.address), written, 'every row is as it was, beside the folder that it was copied from');
  t.equal(await phaseOf(third.store, live.id), 'observing');
  t.equal(await phaseOf(second.store, live.id), 'done');
  await second.close();
  const { store } = third;
  t.match(await store.policy.lock(orders), { why: 'an incident' });
  t.same(
    await store.policy.reserve({ ...live, id: 'another' }, 94, 100),
    { reserved: false, held: 7 },
    'the ledger knows what is set aside',
  );
  t.match(await store.tokens.open(secret), { subject: 'ann' });
  t.equal((await store.runs.find('of finished'))?.id, finished.id, 'a key that is used again finds its run');
  t.match(await store.runs.get(finished.id), { facts: { verdict: {}, restored: { clean: true } } });
  await store.audit.append(act);
  const chain = await checkChain(Readable.from(await store.audit.read(0, 1_000)), head === null ? [] : [head]);
  t.match(chain, { entries: 4, wrong: null }, 'the chain goes on where it was');

  const last = await startRunner(third.address, 'third');
  await soon('the end of the live run, once more', async () => (await phaseOf(store, live.id)) === 'done');
  await end(last);
  t.match(await store.runs.get(live.id), { stop: { reason: 'lease-lost' }, facts: { restored: { clean: true } } });
  t.equal(outside.look(), before, 'putting back what is back already changes nothing');
  t.equal(await phaseOf(store, waiting.id), 'planning', 'a run of a pool that nobody has still waits');
  const narrow = await openStore({ connection: { ...connectionOf(third.address), user: 'of_nobody', password } });
  t.same(
    (await narrow.runs.list(10)).map(({ id }) => id),
    [waiting.id],
    'and its role sees that run and no other',
  );
  await narrow.close();
  await third.close();
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

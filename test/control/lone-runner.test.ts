import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { newRunId } from '@haldane/runner';
import { readConfig, startRunner, startStack } from '@haldane/standalone';
import { connectionOf } from '@haldane/store/testing';
import { test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { roomWithDatabase } from '../testing/room-with-database.ts';
import { wantedRun } from './wanted-run.ts';

const withinMs = 180_000;
allowSeconds(withinMs / 1000 + 60);
const { room, copy } = await roomWithDatabase();
const { user, password, database: name, host } = connectionOf(copy.address);
const ownerUrl = `postgres://${user}:${password}@/${name}?host=${encodeURIComponent(host)}`;
const pool = 'payments-team';
const data = await room.passable('data');
const aws = { HALDANE_AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' };
const cli = fileURLToPath(new URL('../../services/cli/bin/haldane.mjs', import.meta.url));

/** The command as its user gives it; `said` grows. */
function haldane(words: readonly string[], env: Record<string, string>): { child: ChildProcess; said: { out: string; err: string } } {
  const child = spawn(process.execPath, [cli, '--data', data, ...words], {
    cwd: room.folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: room.folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  room.onLeave(async () => child.kill('SIGKILL'));
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (said.out += String(chunk)));
  child.stderr.on('data', (chunk) => (said.err += String(chunk)));
  return { child, said };
}

test("a runner is started alone with the role that was made for its pool, takes that pool's runs, and leaves when it is told to", async (t) => {
  const made = haldane(['pools', 'make', pool], { DATABASE_URL: ownerUrl });
  t.same(await once(made.child, 'close'), [0, null], made.said.err);
  const url = made.said.out.trim();
  t.match(url, /^postgres:\/\/haldane_payments_team:[\w-]{32}@\//);
  t.match(made.said.err, /haldane runner --pool payments-team/);

  const env = { ...aws, DATABASE_URL: url };
  const config = (more: Record<string, string> = {}) => readConfig({ ...env, ...more }, data);
  await t.rejects(
    startRunner({ ...config(), pool }),
    { code: 'denied', message: /haldane\.policy\.yaml.*rules: \[\]/ },
    'not without rules',
  );
  await writeFile(join(data, 'haldane.policy.yaml'), 'rules: []\n');
  await t.rejects(startRunner({ ...config(), pool: 'ledger' }), { code: 'denied', message: /role of pool payments-team/ });
  await t.rejects(startRunner({ ...readConfig({ DATABASE_URL: url }, data), pool }), {
    code: 'bad-request',
    message: /HALDANE_AWS_REGION/,
  });
  await t.rejects(startRunner({ ...readConfig(aws, data), pool }), { code: 'bad-request', message: /DATABASE_URL/ });
  await t.rejects(startStack({ ...readConfig({ DATABASE_URL: url }, data), ephemeral: false }), {
    code: 'denied',
    message: /haldane runner/,
  });

  const wanted = (service: string, of: string) => copy.store.runs.create({ ...wantedRun(service), id: newRunId(), key: null, pool: of });
  const [ours, theirs] = [await wanted('ours', pool), await wanted('theirs', 'ledger')];
  const { child, said } = haldane(['runner', '--pool', pool], env);
  const until = Date.now() + withinMs;
  const soon = async <T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> => {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > until || child.exitCode !== null) throw new Error(`the runner said: ${said.out}${said.err}`);
      await sleep(100);
    }
  };
  const address = await soon(() => /http:\/\/127\.0\.0\.1:\d+/.exec(said.out)?.[0]);
  for (const [path, status] of [
    ['/healthz', 200],
    ['/readyz', 200],
    ['/v1/runs', 404],
  ] as const)
    t.equal((await fetch(address + path)).status, status, path);
  // It is of a platform that nobody has connected here: taken, looked at, and said so.
  const notes = async (id: string) => (await copy.store.runs.events(id, 0, 100)).filter(({ type }) => type === 'note');
  const [note] = await soon(async () => ((await notes(ours.id)).length > 0 ? notes(ours.id) : undefined));
  t.match(note?.data, { failed: /memory.*known: aws/ });
  t.same(await notes(theirs.id), []);

  const ended = once(child, 'close');
  child.kill('SIGTERM');
  t.same(await ended, [0, null], said.err);
  t.match(said.err, /another runner of pool payments-team/);
  const acts = (await copy.store.audit.read(0, 100)).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  t.match(
    acts.map(({ did, who, from }) => [did, who, from]),
    [
      ['allowPool', `role ${user} of the database`, 'this machine'],
      ['startRunner', `the runner of pool ${pool}`, 'role haldane_payments_team at this machine'],
      ['endRunner', `the runner of pool ${pool}`, 'role haldane_payments_team at this machine'],
    ],
  );
  t.notMatch(await copy.dump(), url.split(':')[2]?.split('@')[0] ?? url, 'its password is nowhere in the database');

  const gone = haldane(['pools', 'end', 'haldane_payments_team'], { DATABASE_URL: ownerUrl });
  t.same(await once(gone.child, 'close'), [0, null], gone.said.err);
  await t.rejects(startRunner({ ...config(), pool }), { message: /permission denied|may not change its schema/ });
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

import { spawn } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { reportFormats } from '@haldane/client';
import { startStack } from '@haldane/standalone';
import { startTestDatabase } from '@haldane/store/testing';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { startCollector } from '../testing/collector.ts';
import { phase, startRun } from '../testing/follow.ts';
import { haldane } from '../testing/haldane.ts';
import { experimentOf, keysAway, manifestOf, paymentsHouse } from '../testing/payments.ts';
import { openRoom } from '../testing/room.ts';

allowSeconds(240);
const room = await openRoom();
after(() => room.leave());
const database = await startTestDatabase();
room.onLeave(() => database.stop());
const copy = await database.copy();
const markers = {
  inTheManifest: 'MARKER-manifest-5f2b8c1e',
  passedOn: 'MARKER-passed-on-9d3a7e60',
};
const canaries = {
  name: 'Canaria-Grubenvogel',
  bearer: 'CANARY-bearer-7c1d9b3a55',
  card: '4929-4203-1337-0042',
  cookie: 'CANARY-cookie-1f6e0c',
  query: 'CANARY-query-80be21',
};
const traces = await startCollector();
room.onLeave(() => traces.close());
const house = await paymentsHouse(room, {
  store: copy.store,
  env: { MARKER_PASSED_ON: markers.passedOn, OTEL_EXPORTER_OTLP_ENDPOINT: traces.url },
});
const { client, dataDir, env } = house;
const manifest = (await manifestOf('sound', 'canaries')).replace(
  '  env:\n',
  `  secrets: [MARKER_PASSED_ON]\n  env:\n    MARKER: ${markers.inTheManifest}\n`,
);
const file = await house.write('canaries', { manifest, experiment: experimentOf('canaries-run', keysAway, 5) });
const { address } = await client.deploy(file.replace('experiment.yaml', 'service.yaml'));

/** A real token, as users of the service have one. */
async function realToken(): Promise<string> {
  const [one] = JSON.parse(env.LOAD_CLIENTS) as { id: string; secret: string }[];
  const answer = await fetch(env.LOAD_TOKEN_URL, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${one?.id}:${one?.secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}
const token = await realToken();

/** What must be found nowhere. Of the token its signature, which no other token has. */
const secrets: Readonly<Record<string, string>> = {
  ...markers,
  ...canaries,
  'a real token': token.split('.')[2] ?? '',
  'the synthetic identity’s secret': env.PAYMENTS_SYNTHETIC_SECRET,
  'the service’s database password': new URL(env.PAYMENTS_DATABASE_URL).password,
};
function foundIn(text: string): readonly string[] {
  return Object.entries(secrets).flatMap(([what, secret]) =>
    text.includes(secret) || text.includes(encodeURIComponent(secret)) ? [what] : [],
  );
}

/** Sixty users with something to hide, in all places where a request can carry it, until `stop`. Every third has no good token. */
function hiddenTraffic(): { stop(): Promise<number> } {
  let stopped = false;
  let sent = 0;
  const user = async (turn: number) => {
    let jar = '';
    await sleep(turn * 25);
    while (!stopped) {
      const pays = sent % 2 === 0;
      sent += 1;
      const answer = await fetch(
        `${address}${pays ? '/payments' : '/accounts/me'}?note=${canaries.query}&name=${canaries.name}&card=${canaries.card}`,
        {
          method: pays ? 'POST' : 'GET',
          headers: {
            authorization: `Bearer ${turn % 3 === 0 ? canaries.bearer : token}`,
            'x-customer': canaries.name,
            'user-agent': canaries.card,
            referer: `https://shop.example/?card=${canaries.card}`,
            cookie: [`session=${canaries.cookie}`, jar].join('; '),
            ...(pays ? { 'content-type': 'application/json' } : {}),
          },
          ...(pays ? { body: JSON.stringify({ amount: 100, currency: 'EUR', to: canaries.name, reference: canaries.card }) } : {}),
        },
      );
      const given = answer.headers.getSetCookie().map((one) => one.split(';')[0]);
      if (given.length > 0) jar = given.join('; ');
      await answer.arrayBuffer();
      await sleep(1_500);
    }
  };
  const users = Array.from({ length: 60 }, (_, turn) => user(turn));
  return {
    async stop() {
      stopped = true;
      await Promise.all(users);
      return sent;
    },
  };
}

/** Files below the data folder that hold one of them. An instance's own output holds what the service says, and is looked at too. */
async function filesWithSecrets(): Promise<{ readonly looked: number; readonly found: readonly string[] }> {
  const found: string[] = [];
  let looked = 0;
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // A run's files come and go while this looks.
    const bytes = entry.isFile() ? await readFile(path).catch(() => null) : null;
    if (bytes === null) continue;
    looked += 1;
    for (const what of foundIn(bytes.toString('latin1'))) found.push(`${path.slice(dataDir.length + 1)}: ${what}`);
  }
  return { looked, found };
}

const traffic = hiddenTraffic();
const followed = await startRun(client, file);
await followed.until(phase('observing'), 'having observed anything');
const during = await filesWithSecrets();
const run = await followed.ended;
const sent = await traffic.stop();
const recipe = 'local/clusters/canaries.demo.production/cluster.json';

test('the whole run had real traffic that carried names, tokens and card numbers', async (t) => {
  t.equal(run.stop, null, run.stop?.why ?? 'it went its whole way');
  const { blocks } = await client.evidence(run.id);
  for (const arm of ['control', 'experiment'] as const)
    t.ok(blocks.reduce((sum, block) => sum + block.real[arm].requests, 0) > 20, `${arm} saw users`);
  t.ok(sent > 200);
  t.ok(
    Object.values(secrets).every((secret) => secret.length > 9),
    'what is looked for is long enough to be found by chance never',
  );
});

test('in no table', async (t) => {
  const dump = await copy.dump();
  t.ok(dump.includes(run.id) && dump.length > 20_000, 'the run is in the tables');
  t.same(foundIn(dump), []);
});

test('in no file, but for the recipe that production is started from, which is closed to others', async (t) => {
  const afterwards = await filesWithSecrets();
  for (const [when, { looked, found }] of [
    ['in the middle of the run', during],
    ['after it', afterwards],
  ] as const) {
    t.ok(looked >= 8, `${looked} files ${when}`);
    t.same(
      found.filter((one) => !one.startsWith(`${recipe}: `)),
      [],
      when,
    );
    t.ok(found.includes(`${recipe}: inTheManifest`), 'and the search does find what is there');
  }
  t.equal((await stat(join(dataDir, recipe))).mode & 0o777, 0o600);
});

test('in no event, and in none of the reports', async (t) => {
  t.ok(followed.events.length > 30);
  t.same(foundIn(JSON.stringify(followed.events)), []);
  t.same(foundIn(JSON.stringify([await client.run(run.id), await client.evidence(run.id), await client.plan(file)])), []);
  for (const format of reportFormats) {
    const report = await client.report(run.id, format);
    t.ok(report.length > 500, format);
    t.same(foundIn(report), [], format);
  }
});

test('nor in the traces, which are the run as a tree: its phases, and in them each change, made and undone', async (t) => {
  await traces.until(({ name }) => name === 'run', 'the run as a whole, which is sent last');
  t.same(foundIn(JSON.stringify(traces.spans)), []);
  const tree = traces.tree();
  t.match(tree, [{ name: 'run', facts: { 'haldane.run': run.id, 'haldane.verdict': run.facts.verdict?.verdict, 'haldane.end': 'done' } }]);
  t.equal(tree.length, 1, 'all of it below the run');
  const phases = tree[0]?.parts ?? [];
  const passed = followed.events.filter(({ type }) => type === 'phase').map(({ data }) => data['phase']);
  t.same(
    phases.map(({ name }) => name),
    ['planning', ...passed.slice(0, -1)],
  );
  const below = (name: string) => phases.filter((one) => one.name === name).flatMap(({ parts }) => parts);
  const { journal } = JSON.parse(await client.report(run.id, 'json')) as { journal: { change: { id: string; kind: string } }[] };
  t.ok(journal.length >= 5);
  for (const { change } of journal) {
    const all = phases.flatMap(({ parts }) => parts).filter(({ facts }) => facts['haldane.change'] === change.id);
    t.equal(all.filter(({ name }) => name === `make ${change.kind}`).length, 1, `${change.id} was made once`);
    t.ok(all.filter(({ name }) => name === `undo ${change.kind}`).length >= 1, `${change.id} was undone`);
    for (const { name, parts } of all)
      for (const call of name.startsWith('make') ? ['capture', 'apply'] : ['revert', 'look'])
        t.ok(
          parts.some((part) => part.name === `${call} ${change.kind}`),
          `${name}: ${call}`,
        );
  }
  t.ok(below('injecting').some(({ name }) => name === 'prove effect'));
  t.ok(below('restoring').some(({ name }) => name === 'prove heal'));
  t.ok(below('provisioning').filter(({ name }) => name.startsWith('make ')).length >= 2, 'both arms');
});

test('nor in the signed bundle, which can be checked far from here; and the key that signed it is in no table, event, report or other file', async (t) => {
  const bundle = await client.bundle(run.id);
  const { payload } = JSON.parse(bundle) as { payload: string };
  const statement = Buffer.from(payload, 'base64').toString();
  t.ok(statement.includes(run.id) && statement.length > 20_000);
  t.same(foundIn(statement), []);
  const path = join(room.folder, 'bundle.json');
  await writeFile(path, bundle);
  const [key] = await client.signingKeys();
  await writeFile(join(room.folder, 'key.pub'), key?.publicKey ?? '');
  const far = await haldane(['--data', '/nowhere', 'verify', path, '--key', join(room.folder, 'key.pub')], { PATH: process.env['PATH'] })
    .outcome;
  t.equal(far.code, 0, far.out + far.err);
  t.match(far.out, new RegExp(`run ${run.id} .*signed by key ${key?.id}.*verdict: ${run.facts.verdict?.verdict}, the same`, 's'));
  t.match(far.out, /audit log: [1-9]\d* entries about this run/);
  await writeFile(path, bundle.replace(payload, Buffer.from(statement.replace(run.id, `x${run.id.slice(1)}`)).toString('base64')));
  const near = await haldane(['--data', dataDir, 'verify', path], { PATH: process.env['PATH'] }).outcome;
  t.equal(near.code, 4, 'with the keys of the data folder');
  t.match(near.out, /^WRONG: .*the signature is not of these bytes/);

  const pem = await readFile(join(dataDir, 'signing/key.pem'), 'utf8');
  t.equal((await stat(join(dataDir, 'signing/key.pem'))).mode & 0o777, 0o600);
  const secret = pem.split('\n')[1] ?? '';
  t.ok(secret.length > 60);
  const told = [await copy.dump(), statement, JSON.stringify(followed.events), await client.report(run.id, 'json')];
  t.notOk(told.some((words) => words.includes(secret)));
  const holding: string[] = [];
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(file, 'latin1').catch(() => '')).includes(secret)) holding.push(file);
  }
  t.same(holding, [join(dataDir, 'signing/key.pem')]);
});

test('another local user can neither open the database nor read the data folder', {
  skip: process.getuid?.() !== 0 && 'only root can be another user',
}, async (t) => {
  // As it is when nobody hands it a database: an embedded one in its own data folder.
  const folder = join(room.folder, 'embedded');
  const stack = await startStack({ dataDir: folder, databaseUrl: null, port: 0, env: {}, ephemeral: true });
  const { home, socketDir } = JSON.parse(await readFile(join(folder, 'postgres.json'), 'utf8')) as { home: string; socketDir: string };
  const doors = [
    folder,
    join(folder, 'access.json'),
    join(folder, 'router-token'),
    join(folder, 'signing'),
    join(folder, 'signing/key.pem'),
    join(dataDir, recipe),
    dataDir,
    home,
    join(home, 'data'),
    socketDir,
  ];
  const program = `
    const fs = require('node:fs'); const net = require('node:net');
    const tried = {};
    for (const path of ${JSON.stringify(doors)}) {
      try { fs.statSync(path).isDirectory() ? fs.readdirSync(path) : fs.readFileSync(path); tried[path] = 'read'; } catch (error) { tried[path] = error.code; }
    }
    const socket = net.connect(${JSON.stringify(join(socketDir, '.s.PGSQL.5432'))});
    const done = (what) => { tried.socket = what; socket.destroy(); console.log(JSON.stringify([process.getuid(), tried])); };
    socket.on('connect', () => done('connected')).on('error', (error) => done(error.code));`;
  for (const id of [65_534, 12_345]) {
    // By way of env -i: tap would have it load a file that another user may not be able to read.
    const child = spawn('/usr/bin/env', ['-i', process.execPath, '-e', program], {
      uid: id,
      gid: id,
      cwd: '/',
      env: {},
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const said = await text(child.stdout);
    if (said === '') throw new Error(`user ${id} could not run ${process.execPath}: every user must be able to, for this test`);
    const [uid, tried] = JSON.parse(said) as [number, Record<string, string>];
    t.equal(uid, id);
    t.equal(Object.keys(tried).length, doors.length + 1);
    t.same(new Set(Object.values(tried)), new Set(['EACCES']), said);
  }
  await stack.stop();
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

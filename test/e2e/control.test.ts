import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HaldaneClient } from '@haldane/client';
import type { RunEvent } from '@haldane/core';
import { lifeOf, parseReport } from '@haldane/reports';
import { newRunId } from '@haldane/runner';
import { inventory, publishedHeads, readAccess } from '@haldane/standalone';
import { startTestDatabase } from '@haldane/store/testing';
import { OAuth2Server } from 'oauth2-mock-server';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { haldane } from '../testing/haldane.ts';
import { openRoom } from '../testing/room.ts';
import { serveKeys, writeTiny } from '../testing/tiny.ts';

allowSeconds(240);
const room = await openRoom();
after(() => room.leave());
const database = await startTestDatabase();
room.onLeave(() => database.stop());
const copy = await database.copy();
const keys = await serveKeys();
room.onLeave(() => keys.close());
const issuer = new OAuth2Server();
await issuer.issuer.keys.generate('RS256');
await issuer.start(0, '127.0.0.1');
room.onLeave(() => issuer.stop());
const trust = join(room.folder, 'trust.yaml');
await writeFile(
  trust,
  `trust:
  - issuer: ${issuer.issuer.url}
    audience: haldane
    claims: { sub: ada }
    grants: [{ role: viewer, team: tests }]
    lives: 600
`,
);
const { connection } = copy.address as { connection: { host: string; port: number; user: string; password: string; database: string } };
const at = new URL('postgres://localhost');
at.username = connection.user;
at.password = connection.password;
const databaseUrl = `postgres://${at.username}:${at.password}@/${connection.database}?host=${encodeURIComponent(connection.host)}&port=${connection.port}`;
const env = {
  PATH: process.env['PATH'],
  HOME: room.folder,
  TINY_TOKEN: keys.token,
  KEYS_URL: keys.url,
  DATABASE_URL: databaseUrl,
  HALDANE_TRUST: trust,
  HOOK_SECRET: `whsec_${Buffer.alloc(32, 3).toString('base64')}`,
};
const dataDir = join(room.folder, 'up');
const told: { readonly type: string; readonly data: { readonly runId: string | null; readonly headline: string } }[] = [];
const receiver = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    told.push(JSON.parse(body) as (typeof told)[number]);
    response.end();
  });
});
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
room.onLeave(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});
const { port: toldAt } = receiver.address() as AddressInfo;
await mkdir(dataDir, { mode: 0o700 });
await writeFile(
  join(dataDir, 'haldane.notify.yaml'),
  `allow: ["127.0.0.1:${toldAt}"]
receivers: [{ name: on-call, by: webhook, url: "http://127.0.0.1:${toldAt}/", secretEnv: HOOK_SECRET }]
tell: [{ where: { team: tests }, onCall: [on-call] }]
`,
);
const files = await writeTiny(join(room.folder, 'tiny'));
const say = (...args: readonly string[]) => haldane(['--data', dataDir, ...args], env, room.folder).outcome;
const up = haldane(['--data', dataDir, 'up', files.manifest], env, room.folder);
room.onLeave(async () => {
  up.child.kill('SIGINT');
  await up.outcome;
});
await up.said(/Haldane answers at/);
const access = await readAccess(dataDir);
if (access === null) throw new Error('the stack wrote no access file');
const client = new HaldaneClient(access);

test('a drill halts real runs by either way alone, users leave at once, everything is put back, and both ways open again', async (t) => {
  const before = await inventory({ dataDir });
  const { code, out, err } = await say('halt', '--drill', files.experiment);
  t.equal(code, 0, err);
  t.match(out, /house: {2}users back in production after \d+ ms, run over and put back after \d+ ms \(halted\)/);
  t.match(out, /routers: {2}users back in production after \d+ ms, run over and put back after \d+ ms/);
  t.same(await inventory({ dataDir }), before);
  t.equal((await client.halted()).halted, false);
});

test('who is on call hears of the start, the stop and the verdict of each run, in the words of the report', async (t) => {
  const ids = (await client.runs()).map(({ id }) => id);
  for (const until = Date.now() + 60_000; told.length < 3 * ids.length && Date.now() < until; ) await sleep(50);
  for (const id of ids) {
    const [started, stopped, verdict, ...more] = told.filter(({ data }) => data.runId === id);
    t.match(started, { type: 'haldane.started', data: { headline: /^tiny \(test\): tiny-keys begins$/ } });
    t.match(stopped, { type: 'haldane.stopped', data: { headline: /is stopped \(/ } });
    t.match(verdict, { type: 'haldane.verdict', data: { headline: /^tiny \(test\): tiny-keys, inconclusive$/ } });
    t.match(JSON.stringify(verdict), /was rehearsed without any harmful change.*Everything is put back/);
    t.match(JSON.stringify(started), new RegExp(`haldane abort ${id} --why`));
    t.same(more, []);
  }
  t.match(await say('notify', 'on-call'), { code: 0, out: 'on-call has it\n' });
  t.match(told.at(-1), { data: { headline: 'Haldane can tell on-call' } });
  t.match(await say('notify', 'nobody'), { code: 2, err: /there is no receiver "nobody"; known: on-call/ });
});

test('the life of a run can be read from its events alone', async (t) => {
  for (const run of await client.runs()) {
    const events: RunEvent[] = [];
    for await (const event of client.events(run.id, 0, AbortSignal.timeout(30_000))) events.push(event);
    const life = lifeOf(events);
    const { restored, verdict } = run.facts;
    t.match(life, {
      service: run.service,
      environment: run.environment,
      stop: { reason: run.stop?.reason, why: run.stop?.why },
      clean: restored?.clean,
      verdict: verdict?.verdict ?? null,
      headline: verdict?.headline ?? null,
    });
    t.equal(life.phases.at(-1)?.phase, 'done');
    const { journal, audit } = parseReport(await client.report(run.id, 'json'));
    t.same(life.made.length, journal.length, 'each change in the journal is told');
    t.ok((audit?.seq ?? 0) > 0, 'and its report says where the audit log stood');
    const told = await say('runs', run.id);
    t.match(told.out, /everything is back/);
    t.equal(told.code, 0);
  }
});

test('a halt is for everybody, without a Haldane too, and only an admin of all teams lifts it', async (t) => {
  const made = await say('tokens', 'make', 'a viewer', '--role', 'viewer', '--team', 'tests');
  t.equal(made.code, 0, made.err);
  const viewer = { ...env, HALDANE_TOKEN: made.out.trim(), HALDANE_SERVER: access.address };
  const elsewhere = (...args: readonly string[]) => haldane(['--data', join(room.folder, 'nothing'), ...args], viewer, room.folder).outcome;
  t.match(await elsewhere('services'), { code: 0, out: /tiny {2}test {2}tests/ });
  t.match(await elsewhere('halt', '--why', 'I see smoke'), { code: 0, out: /halted: 0 runs/ });
  t.match(await say('run', files.experiment), { code: 5, err: /halted: I see smoke/ });
  t.match(await elsewhere('halt', '--lift'), { code: 5, err: /may not administer/ });
  t.match(await elsewhere('run', files.experiment), { code: 5, err: /may not run/ });
  t.match(await say('halt', '--lift'), { code: 0, out: /lifted/ });
  t.match(await elsewhere('audit'), { code: 5, err: /may not read/ });
  const address = new URL(access.address);
  t.match(await haldane(['--server', `http://${address.hostname.replace('127.0.0.1', '10.0.0.1')}`, 'runs'], viewer).outcome, {
    code: 2,
    err: /should be an https address/,
  });
});

test('a lock lets nothing run on a service, also what was asked for before it, and only a risk owner takes it off', async (t) => {
  const whoIs = async (who: string, role: string) => {
    const made = await say('tokens', 'make', who, '--role', role, '--team', 'tests');
    const theirs = { ...env, HALDANE_TOKEN: made.out.trim(), HALDANE_SERVER: access.address };
    return (...args: readonly string[]) => haldane(['--data', join(room.folder, 'nothing'), ...args], theirs, room.folder).outcome;
  };
  const [asked, answers] = await Promise.all([whoIs('an operator', 'operator'), whoIs('a risk owner', 'risk-owner')]);
  const locked = /tiny in test is locked by an operator until \S+: an incident/;
  t.match(await asked('lock', 'tiny', 'test', '--why', 'an incident', '--hours', '2'), { code: 0, out: locked });
  t.match(await say('lock', 'tiny', 'test', '--why', 'only a moment', '--hours', '1'), { code: 0, out: locked }, 'nobody shortens it so');
  t.match(await asked('locks'), { code: 0, out: locked });
  t.match(await say('plan', files.experiment), { out: /tiny in test is locked by an operator .*haldane unlock tiny test/ });
  t.match(await say('run', files.experiment), { code: 5, err: /tiny in test is locked by an operator/ });
  const earlier = (await client.runs())[0];
  if (earlier === undefined) throw new Error('there was a run before');
  const { service, environment, experiment } = earlier;
  const { id } = await copy.store.runs.create({ id: newRunId(), service, environment, experiment, key: null });
  for await (const event of client.events(id, 0, AbortSignal.timeout(60_000))) if (event.type === 'stop') break;
  t.match(await client.run(id), { stop: { reason: 'refused', why: /locked by an operator/ } });
  t.match(await asked('unlock', 'tiny', 'test', '--why', 'it is over'), { code: 5, err: /may not accept risk/ });
  t.match(await answers('unlock', 'tiny', 'test', '--why', 'it is over'), { code: 0, out: /is not locked any more/ });
  t.match(await answers('unlock', 'tiny', 'test', '--why', 'it is over'), { code: 0, out: /was not locked/ });
  t.equal((await asked('locks')).out, 'nothing is locked\n');
  const { out } = await say('audit');
  t.match(out, /an operator {2}127\.0\.0\.1 {2}lockService {2}service tiny in test {2}allowed/);
  t.match(out, /an operator {2}127\.0\.0\.1 {2}unlockService {2}service tiny in test {2}refused {2}forbidden/);
  t.match(out, /a risk owner {2}127\.0\.0\.1 {2}unlockService {2}service tiny in test {2}allowed/);
});

test('an incident that a check finds lets nothing begin, and ends what is under way without a verdict', async (t) => {
  const incident = join(room.folder, 'incident');
  const policy = (rules: unknown) => writeFile(join(dataDir, 'haldane.policy.yaml'), JSON.stringify({ rules }));
  const run = ['/bin/sh', '-c', `test ! -e ${incident} || { echo "INC-7 is open on {service}"; exit 1; }`];
  await writeFile(incident, '');
  await policy([{ name: 'calm', checks: [{ name: 'no incident', command: { run } }] }]);
  t.match(await say('plan', files.experiment), { out: /policy "calm": no incident: INC-7 is open on tiny/ });
  await t.rejects(client.create({ file: files.experiment }), { code: 'refused', message: /INC-7/ });
  await rm(incident);
  const { id } = await client.create({ file: files.experiment });
  const seen: RunEvent[] = [];
  for await (const event of client.events(id, 0, AbortSignal.timeout(120_000))) {
    seen.push(event);
    if (event.type === 'phase' && event.data['phase'] === 'baseline') await writeFile(incident, '');
    if (event.type === 'phase' && event.data['phase'] === 'done') break;
  }
  t.match(await client.run(id), {
    stop: { reason: 'interference', why: /INC-7/ },
    facts: { restored: { clean: true }, verdict: { verdict: 'inconclusive', headline: /something else happened meanwhile: .*INC-7/ } },
  });
  t.ok(seen.some(({ type, data }) => type === 'check' && data['name'] === 'interference' && data['passed'] === false));
  await policy([]);
});

test('a person logs in at the issuer and is who the rule says', async (t) => {
  issuer.service.on('beforeTokenSigning', (token: { payload: Record<string, unknown> }) => {
    Object.assign(token.payload, { sub: 'ada', aud: 'haldane' });
  });
  const login = haldane(['--server', access.address, 'login', '--issuer', issuer.issuer.url as string], env, room.folder);
  let seen = '';
  login.child.stderr?.on('data', (text: string) => {
    seen += text;
  });
  await login.said(/^http\S+authorize\S+$/m);
  const page = /^http\S+authorize\S+$/m.exec(seen)?.[0] ?? '';
  t.match(page, /code_challenge_method=S256/);
  t.match(await (await fetch(page)).text(), /You may close this page/);
  const { code, err } = await login.outcome;
  t.equal(code, 0, err);
  t.match(err, /you are ada until/);
  const asAda = () => haldane(['--server', access.address, 'services'], env, room.folder).outcome;
  t.match(await asAda(), { code: 0, out: /tiny/ });
  const kept = join(room.folder, '.config/haldane/credentials.json');
  await chmod(kept, 0o644);
  t.match(await asAda(), { code: 5, err: /can be read by others; chmod 600/ });
});

test('the audit log says who did what, and one changed byte in the database is found', async (t) => {
  const listed = await say('audit');
  t.match(listed.out, /the owner of the data folder {2}127\.0\.0\.1 {2}createRun {2}service tiny in test {2}allowed/);
  t.match(listed.out, /a viewer {2}127\.0\.0\.1 {2}liftHalt {2}\S* ?.*refused {2}forbidden/);
  t.match(listed.out, /ada {2}127\.0\.0\.1 {2}exchangeLogin {2}a token for ada {2}allowed/);
  t.match(await say('audit', 'verify'), { code: 0, out: /each as it was written/ });
  const heads = await publishedHeads(dataDir);
  t.same(heads.at(-1), await client.auditHead(), 'the head is outside the database');
  await copy.query('alter table audit disable trigger all');
  await copy.query(`update audit set body = replace(body, 'createRun', 'createRum') where seq = 2`);
  t.match(await say('audit', 'verify'), { code: 4, out: /entry \d+ was changed/ });
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

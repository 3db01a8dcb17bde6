import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Alert, type Run, wholeScope } from '@haldane/core';
import { newRunId } from '@haldane/runner';
import { allowPool, type Connection, forbidPool, openStore, poolRoles } from '@haldane/store';
import { connectionOf, openSession } from '@haldane/store/testing';
import { test } from 'tap';
import { addressFor } from '../../services/standalone/src/pool-roles.ts';
import { sweepAll } from '../../services/standalone/src/sweep-all.ts';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { roomWithDatabase } from '../testing/room-with-database.ts';
import { openOutside } from './outside.ts';
import { wantedRun } from './wanted-run.ts';

// Long, because a machine that is busy must not look like a runner that was lost.
const timing = { leaseMs: 60_000, renewEveryMs: 1_000, applyTimeoutMs: 8_000, claimEveryMs: 200, offeredMs: 10_000 };
const withinMs = 300_000;
allowSeconds(withinMs / 1000 + 60);
const { room, copy } = await roomWithDatabase();
const { store, query } = copy;
const owner = connectionOf(copy.address);

// A role is of the whole server: these are of this file's own.
const role = 'of_payments';
const password = await allowPool(copy.address, { role, pool: 'payments' });
if (password === null) throw new Error(`there was a role ${role} on a server that was just made`);
const connection: Connection = { ...owner, user: role, password };

const create = (service: string, pool: string, more: Partial<Run['experiment']> = {}) => {
  const wanted = wantedRun(service);
  return store.runs.create({ id: newRunId(), ...wanted, experiment: { ...wanted.experiment, ...more }, key: null, pool });
};
const alert = (id: string, rule: string, fields: Alert['fields'] = {}): Alert => ({
  id,
  receiver: 'oncall',
  rule,
  severity: 'page',
  receivedAt: Date.now(),
  fields,
});

test("runners with their pool's role do a runner's whole job: to a verdict with what was noticed, handed over, and put back after a crash", async (t) => {
  const outside = await openOutside(['ours', 'theirs'], timing.leaseMs);
  room.onLeave(() => outside.close());
  const before = outside.look();
  const said: string[] = [];
  // They ask for the other pool's runs as well: what they may have is not for them to say.
  const start = async (name: string): Promise<ChildProcess> => {
    const given = JSON.stringify({ address: { connection }, outside: outside.url, name, timing, pools: ['payments', 'ledger'] });
    const file = fileURLToPath(new URL(`runner-process${extname(import.meta.url)}`, import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, file, given], { cwd: room.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    room.onLeave(async () => child.kill('SIGKILL'));
    child.stderr.on('data', (chunk) => said.push(String(chunk)));
    await once(child.stdout, 'data');
    return child;
  };
  const until = Date.now() + withinMs;
  const soon = async (what: string, look: () => Promise<boolean>): Promise<void> => {
    while (!(await look())) {
      if (Date.now() > until) throw new Error(`${what} did not come in ${withinMs / 1000} s: ${said.join('')}`);
      await sleep(100);
    }
  };
  const isIn = (id: string, phase: Run['phase']) => async () => (await store.runs.get(id))?.phase === phase;

  const expect = { rules: ['KeysAway'], receiver: 'oncall', withinSeconds: 60, fields: [] };
  const ours = await create('ours', 'payments', { noticed: { source: 'inbox', heartbeatWithinSeconds: 60, expect } });
  const theirs = await create('theirs', 'ledger');
  const first = await start('first');
  await soon('the baseline', isIn(ours.id, 'baseline'));
  await store.alerts.receive(alert('beat', 'heartbeat', { instance: `${ours.id}.control` }));
  await soon('the watch', isIn(ours.id, 'observing'));
  const [instance = ''] = (await store.evidence.read(ours.id)).instances.experiment;
  await store.alerts.receive(alert('seen', 'KeysAway', { instance }));
  await soon('the end', isIn(ours.id, 'done'));
  const run = await store.runs.get(ours.id);
  t.match(run, { facts: { restored: { clean: true }, verdict: { noticed: { mark: 'yes' } } } }, said.join(''));
  t.ok((await store.evidence.read(ours.id)).blocks.length > 0);
  const news = await query('select topic from news where run_id = $1 order by seq', [ours.id]);
  t.same(
    news.map(({ topic }) => topic),
    ['started', 'verdict'],
    'and people are told',
  );
  t.equal(outside.look(), before);

  const handed = await create('ours', 'payments', { watchSeconds: 600 });
  await soon('the next watch', isIn(handed.id, 'observing'));
  const second = await start('second');
  const ended = once(first, 'exit');
  first.kill('SIGTERM');
  t.same((await ended)[0], 0, said.join(''));
  const notes = async () => (await store.runs.events(handed.id, 0, 10_000)).filter(({ type }) => type === 'note').map(({ data }) => data);
  await soon('the other runner', async () => (await notes()).some((data) => 'takenOver' in data));
  t.match(await store.runs.get(handed.id), { phase: 'observing', stop: null }, 'in the middle of its watch');

  const dead = once(second, 'exit');
  second.kill('SIGKILL');
  await dead;
  t.not(outside.look(), before, 'something stands in the world');
  await copy.letPass(timing.leaseMs + timing.applyTimeoutMs);
  const third = await start('third');
  await soon('the rescue', isIn(handed.id, 'done'));
  t.match(await store.runs.get(handed.id), { stop: { reason: 'lease-lost' }, facts: { restored: { clean: true } } });
  t.equal(outside.look(), before);
  t.match(await store.runs.get(theirs.id), { phase: 'planning', version: 1, stop: null }, "the other pool's run waits for its own");
  third.kill('SIGKILL');
});

test("what a pool's role sees is whole, its own, or refused: never less than there is of what somebody may have done", async (t) => {
  const theirs = (await store.runs.list(10)).find(({ service }) => service === 'theirs') as Run;
  const later = await create('ours', 'payments');
  const claim = await store.runs.claim('theirs', 600_000, 0, ['ledger']);
  if (claim === null) throw new Error('there was nothing to claim');
  await store.journal.intend(claim.fence, { id: 'a', kind: 'demo', params: {}, standsOn: [], does: '', undo: '' }, null);
  await store.evidence.append(claim.fence, {
    marks: [{ phase: 'baseline', at: 1 }],
    alerts: [alert('page', 'SiteDown', { run: theirs.id })],
  });
  const production = alert('production', 'SiteDown');
  await store.alerts.receive(production);
  const at = { service: 'theirs', environment: theirs.environment };
  await store.policy.setLock(at, { why: 'an incident', by: 'ann', livesMs: 600_000 });
  await store.policy.approve({ ...at, scenario: 'keys-away', version: 1, who: 'ann', why: 'known' });
  await store.policy.reserve(theirs, 3, 10);
  await store.gate.note(at, { kind: 'came-in', experiment: 'e', good: 'a', bad: 'b', why: 'b brought it' } as never, 'ann');

  const narrow = await openStore({ connection, poolSize: 2 });
  t.equal(narrow.pool, 'payments');
  t.equal(store.pool, null);
  const never = new AbortController().signal;

  // What rules ask of everybody: the same answers as the owner has.
  for (const ask of [
    (from: typeof store) => from.policy.open(),
    (from: typeof store) => from.policy.runsOn(at.environment, ['theirs', 'ours']),
    (from: typeof store) => from.policy.whereRunning(at.environment, ['theirs', 'ours']),
    (from: typeof store) => from.policy.passed('ours', 'keys-away', 1),
    (from: typeof store) => from.policy.approvals(at, 'keys-away', 1),
    (from: typeof store) => from.policy.pages('oncall', 0, later.id),
    (from: typeof store) => from.policy.lock(at),
    (from: typeof store) => from.policy.locks(),
    (from: typeof store) => from.policy.reserve({ ...theirs, id: later.id }, 8, 10),
    (from: typeof store) => from.alerts.alerts(later.id, { from: 0, to: Date.now() }, never),
    (from: typeof store) => from.gate.entries(at, 'came-in'),
    (from: typeof store) => from.audit.head(),
  ])
    t.same(await ask(narrow), await ask(store), String(ask));
  const seen = await narrow.alerts.alerts(later.id, { from: production.receivedAt, to: Date.now() }, never);
  t.match(seen, { state: 'ok', points: [{ id: 'production' }] }, "production's own alerts, which name no run");

  // What belongs to runs: its own.
  t.same([...new Set((await narrow.runs.list(10)).map(({ service }) => service))], ['ours']);
  t.equal(await narrow.runs.get(theirs.id), null);
  t.match(await narrow.runs.get(later.id), { id: later.id });
  t.same(
    [await narrow.runs.events(theirs.id, 0, 10), await narrow.journal.entries(theirs.id), (await narrow.evidence.read(theirs.id)).marks],
    [[], [], []],
  );

  // All else is refused, aloud.
  const { secret } = await store.tokens.issue({ subject: 'ann', grants: [], scope: wholeScope, madeBy: 'x', livesMs: 600_000 });
  const made = { subject: 'me', grants: [{ role: 'admin', team: '*' }], scope: wholeScope, madeBy: 'me', livesMs: 600_000 } as const;
  for (const ask of [
    () => narrow.tokens.issue(made),
    () => narrow.tokens.open(secret),
    () => narrow.policy.approve({ ...at, service: 'ours', scenario: 'keys-away', version: 1, who: 'me', why: 'why not' }),
    () => narrow.policy.setLock(at, { why: 'mine', by: 'me', livesMs: 1_000 }),
    () => narrow.policy.unlock(at),
    () => narrow.gate.entries(at, 'acceptance'),
    () => narrow.gate.wasLive(at, 'a'),
    () => narrow.gate.note(at, { kind: 'mode' } as never, 'me'),
    () => narrow.halt.get(),
    () => narrow.halt.lift('why not', 'me'),
    () => narrow.services.list(null),
    () => narrow.schedules.list(),
    () => narrow.outbox.takeNews([null, 'payments', 'ledger'], 1_000),
    () => narrow.figures.read(),
    () => narrow.audit.read(0, 10),
    () => narrow.runs.create({ ...wantedRun('ours'), id: newRunId(), key: null, pool: 'payments' }),
  ])
    await t.rejects(async () => void (await ask()), { message: /permission denied/ }, String(ask));

  // What it says in the audit log it says as itself.
  const act = {
    who: 'ann',
    token: 't1',
    from: '10.0.0.1',
    did: 'lockService',
    to: 'ours',
    outcome: 'allowed',
    code: null,
    detail: {},
  } as const;
  const entry = await narrow.audit.append(act);
  t.match(JSON.parse(entry.body), { who: 'the runner of pool payments', token: null, from: /^role of_payments at /, did: 'lockService' });
  // The sweep of a machine needs no database and no right in it.
  let swept = 0;
  await t.rejects(
    sweepAll(narrow, async () => {
      swept += 1;
    }),
    { message: /permission denied/ },
  );
  t.equal(swept, 1);
  await t.rejects(
    sweepAll(store, () => Promise.reject(new Error('no room on the disk'))),
    { message: /no room/ },
  );
  await narrow.close();
});

test("the address for a pool's runners holds nothing of the owner's", (t) => {
  for (const given of [
    'postgres://owner:secret@db:5433/h?sslmode=require',
    'postgresql://db:5433/h?user=owner&password=secret&sslmode=require&sslkey=/secret',
    'postgres://owner:se@cret/secret@db:5433/h?sslmode=require',
    'postgres://owner:se@cret@db:5433/h?%75ser=owner&Password=secret&sslmode=require',
  ]) {
    const address = (() => {
      try {
        return addressFor(given)('of_payments', 'p-w_1');
      } catch (error) {
        t.match(error, { code: 'bad-request', message: /taken apart/ });
        t.notMatch(String(error), 'cret');
        return null;
      }
    })();
    if (address !== null) t.match(address, /^postgres(ql)?:\/\/of_payments:p-w_1@db:5433\/h\?sslmode=require$/, given);
    t.equal(address === null, given.includes('/secret@'), given);
  }
  for (const given of ['host=db user=owner password=secret', 'socket:/run?user=owner', 'postgres:///h?host=/run'])
    t.throws(() => addressFor(given), { code: 'bad-request' }, given);
  t.end();
});

test("nothing that a pool's role writes of its own runs keeps anybody from asking the rules", async (t) => {
  const own = await create('liar', 'payments');
  const at = { environment: own.environment };
  const before = [await store.policy.open(), await store.policy.runsOn(at.environment, ['ours'])];
  const client = await openSession({ connection });
  const lies = [
    '{"deployment":{"dependencies":{}}}',
    '{"deployment":{"dependencies":[1,{"name":2}],"route":{}}}',
    '{"deployment":"none"}',
    '{"deployment":{"route":"\\u0000"}}',
    '{"verdict":{"verdict":"resilient"},"plan":{"scenarioVersion":1e999},"restored":{"at":"x"}}',
    '{"verdict":{"verdict":"resilient"},"plan":{"scenarioVersion":1.5},"restored":{"at":1e999}}',
    `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
    '7',
  ];
  for (const receivedAt of ['"x"', '1e999', '{}', '"\\u0000"'])
    await client.query(
      `insert into evidence_parts (run_id, kind, value) values ('${own.id}', 'alerts', '{"id":"i","receiver":"oncall","receivedAt":${receivedAt}}')`,
    );
  await client.query(`insert into evidence_parts (run_id, kind, value) values ('${own.id}', 'alerts', '[]')`);
  for (const phase of ['planning', 'done'])
    for (const lie of lies) {
      // Nesting that PostgreSQL itself does not take is refused to whoever writes it.
      const written = await client.query('update runs set facts = $1, phase = $2 where id = $3', [lie, phase, own.id]).catch(() => null);
      t.ok(written !== null || lie.startsWith('[['), lie.slice(0, 60));
      const open = await store.policy.open();
      t.same(
        open.filter(({ id }) => id !== own.id),
        before[0]?.filter(({ id }) => id !== own.id),
      );
      t.same(await store.policy.runsOn(at.environment, ['ours']), before[1]);
      await store.policy.whereRunning(at.environment, ['liar']);
      await store.policy.passed('liar', own.experiment.scenario.id, 1);
      t.equal(typeof (await store.policy.pages('oncall', 0, 'none')), 'number');
    }
  await client.end();
});

test("no statement of a pool's role reaches what is not its own", async (t) => {
  const theirs = (await store.runs.list(10)).find(({ service }) => service === 'theirs') as Run;
  const own = (await store.runs.list(10)).find(({ service, phase }) => service === 'ours' && phase === 'planning') as Run;
  const month = `date_trunc('month', now())::date`;
  const client = await openSession({ connection });
  const codeOf = (text: string) =>
    client.query(text).then(
      ({ rowCount }) => rowCount,
      ({ code }: { code: string }) => code,
    );
  // 42501 is PostgreSQL's word for both: a right that was not granted, and a row that its policy refuses.
  const refused = '42501';
  const attempts: [string, unknown][] = [
    [`update runs set abort_asked = 'x' where id = '${theirs.id}'`, 0],
    [`update runs set fence = fence + 1 where id = '${theirs.id}'`, 0],
    [`update runs set pool = 'ledger'`, refused],
    [`update runs set experiment = '{}'`, refused],
    [`update runs set service = 'theirs'`, refused],
    ['delete from runs', refused],
    [`insert into events (run_id, seq, type, data) values ('${theirs.id}', 99, 'note', '{}')`, refused],
    [`insert into journal (run_id, seq, change_id, change, before) values ('${theirs.id}', 99, 'x', '{}', '{}')`, refused],
    [`insert into evidence_parts (run_id, kind, value) values ('${theirs.id}', 'marks', '{}')`, refused],
    [`update journal set state = 'reverted' where run_id = '${theirs.id}'`, 0],
    ['delete from journal', refused],
    [`update evidence_parts set value = '{}'`, refused],
    ['delete from evidence_blocks', refused],
    // Of a run of its own, but counted for somebody else's service.
    [`insert into failure_ledger values ('${own.id}', 'theirs', '${own.environment}', ${month}, 1000)`, refused],
    [`insert into failure_ledger values ('${theirs.id}', 'theirs', '${own.environment}', ${month}, 1000)`, refused],
    [`update failure_ledger set spent = 0 where service = 'theirs'`, 0],
    [`insert into failure_ledger values ('${own.id}', 'ours', '${own.environment}', ${month}, 1)`, 1],
    [`update failure_ledger set service = 'theirs'`, refused],
    ['select body from audit', refused],
    [`insert into audit values (99, 0, '{}', '', '')`, refused],
    [`update audit set body = '{}'`, refused],
    ['delete from audit', refused],
    ['truncate audit', refused],
    ['alter table audit disable trigger all', refused],
    [`select append_audit('[]')`, '22023'],
    ['select * from tokens', refused],
    [`insert into alerts values ('oncall', 'x', 'KeysAway', 'page', 1, '{}')`, refused],
    [`insert into approvals values ('ours', '${own.environment}', 'keys-away', 1, 'me', 'why not')`, refused],
    [`insert into news (once, topic, service, environment, data) values ('x', 'verdict', 'theirs', 'test', '{}')`, refused],
    [`insert into pool_roles values ('of_payments', 'ledger')`, refused],
    [`select allow_pool('of_payments', 'ledger')`, refused],
    ['alter table runs disable row level security', refused],
    ['create table public.mine (n int)', refused],
    // The function that tells people of runs, put to a table of its own.
    ['create temp table told (run_id text, type text, data json)', null],
    ['create trigger tell after insert on told for each row execute function note_news_of_run()', refused],
  ];
  for (const [text, wanted] of attempts) t.equal(await codeOf(text), wanted, text);
  // A table of the session's own by the same name changes nothing of what the database does in its owner's name.
  await client.query(`create temp table pool_roles as select 'of_payments'::name as role, 'ledger'::text as pool`);
  t.equal(await codeOf(`select from runs where id = '${theirs.id}'`), 0);
  await client.end();
});

test('whoever comes by another way is narrowed all the same, and who is no pool is not', async (t) => {
  const as = async (user: string, asked: readonly string[]) => {
    const client = await openSession({ connection: { ...owner, ...(user === owner.user ? {} : { user, password: 'of-theirs' }) } });
    let last: unknown;
    try {
      for (const text of asked) last = (await client.query<Record<string, unknown>>(text)).rows.map((row) => Object.values(row)[0]);
    } catch (error) {
      last = (error as { code: string }).code;
    }
    await client.end();
    return last;
  };
  const services = `select distinct service from runs where service <> 'liar' order by 1`;
  const act = `select append_audit('{"who":"ann","did":"x","to":"y","outcome":"allowed"}')`;
  t.same(await as(owner.user, [`set role ${role}`, services]), ['ours'], 'a session of the owner that chose the role');
  t.match(await as(owner.user, [`set role ${role}`, act]), [/the runner of pool payments/]);
  for (const [name, rights] of [
    ['stranger', ''],
    ['member', `grant ${role} to member`],
    ['reader', 'grant select on all tables in schema public to reader'],
  ] as const) {
    await query(`create role ${name} login password 'of-theirs'`);
    if (rights !== '') await query(rights);
  }
  t.equal(await as('stranger', [act]), '42501');
  t.equal(await as('stranger', [act.replace('append_audit', 'append_audit_of_pool')]), '42501');
  t.equal(await as('member', [services]), '42501', 'one that inherits the rights of a pool is no pool');
  t.match(await as('reader', [services]), ['ours', 'theirs'], 'whoever was granted to read reads on');

  await query(`alter role ${role} rename to renamed`);
  t.equal(await as(owner.user, ['set role renamed', services]), '42501', 'one that was renamed is not let loose');
  await query(`alter role renamed rename to ${role}`);

  for (const name of [owner.user, 'reader'])
    await t.rejects(allowPool(copy.address, { role: name, pool: 'payments' }), { code: 'bad-request', message: /rights of its own/ }, name);
  for (const [name, right, word] of [
    ['seer', 'alter role seer bypassrls', /bypassrls/],
    ['maker', 'alter role maker createrole', /createrole/],
    ['founder', 'alter role founder createdb', /createdb/],
    ['copier', 'alter role copier replication', /replication/],
    ['friend', 'grant pg_read_all_data to friend', /member of pg_read_all_data/],
    ['issuer', 'grant insert on tokens to issuer', /rights on tokens/],
    ['namer', 'grant update (subject) on tokens to namer', /rights on tokens/],
    ['builder', 'grant create on schema public to builder', /create in schema public/],
  ] as const) {
    await query(`create role ${name} login password 'of-theirs'`);
    await query(right);
    await t.rejects(allowPool(copy.address, { role: name, pool: 'payments' }), { code: 'bad-request', message: word }, name);
  }
  await query('grant create on schema public to public');
  await t.rejects(allowPool(copy.address, { role: 'fresh', pool: 'payments' }), {
    code: 'bad-request',
    message: /every role may create tables in schema public; First: revoke create on schema public from public/,
  });
  t.same(await query(`select from pg_roles where rolname = 'fresh'`), [], 'and no role was left');
  await query('revoke create on schema public from public');
  await query(`grant insert on tokens to ${role}`);
  t.equal(await allowPool(copy.address, { role, pool: 'payments' }), null);
  t.equal(await as(owner.user, [`set role ${role}`, 'insert into tokens default values']), '42501', 'what it was given besides is gone');
  t.equal(await allowPool(copy.address, { role: 'stranger', pool: 'payments' }), null, 'a role that is there keeps its password');
  t.same(await as('stranger', [services]), ['ours']);
  t.same(
    (await poolRoles(copy.address)).map((one) => one.role),
    [role, 'stranger'],
  );
  for (const name of [role, 'stranger']) {
    t.equal(await forbidPool(copy.address, name), true);
    t.equal(await forbidPool(copy.address, name), false);
  }
  t.equal(await as('stranger', [services]), '42501');
  const log = await store.audit.read(0, 1_000);
  const acts = log.map(({ body }) => JSON.parse(body) as { did: string; to: string; detail: { role?: string } });
  t.same(
    acts.filter(({ did }) => did.endsWith('Pool')).map(({ did, to, detail }) => [did, to, detail.role]),
    [
      ['allowPool', 'pool payments', role],
      ['allowPool', 'pool payments', role],
      ['allowPool', 'pool payments', 'stranger'],
      ['forbidPool', 'pool payments', role],
      ['forbidPool', 'pool payments', 'stranger'],
    ],
    'who gave and took rights is in the log',
  );
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

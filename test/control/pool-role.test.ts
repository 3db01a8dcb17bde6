import { spawn } from 'node:child_process';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { newRunId } from '@haldane/runner';
import { type Connection, openStore } from '@haldane/store';
import { connectionOf, startTestDatabase } from '@haldane/store/testing';
import { sampleDeployment, sampleExperiment } from '@haldane/testkit';
import pg from 'pg';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { openRoom } from '../testing/room.ts';
import { openOutside } from './outside.ts';

const withinMs = 150_000;
allowSeconds(withinMs / 1000 + 60);
const timing = { leaseMs: 15_000, renewEveryMs: 1_000, applyTimeoutMs: 5_000, claimEveryMs: 200, offeredMs: 1_000 };
const room = await openRoom();
after(() => room.leave());
const database = await startTestDatabase();
room.onLeave(() => database.stop());
const copy = await database.copy();
room.onLeave(() => copy.close());
const { store, query } = copy;
const services = ['ours', 'theirs'];

await query(`create role of_payments login password 'of-payments'`);
await query(`select allow_pool('of_payments', 'payments')`);
const connection: Connection = { ...connectionOf(copy.address), user: 'of_payments', password: 'of-payments' };
const create = (service: string, pool: string) => {
  const { environment } = sampleDeployment(service);
  const probes = { legitimateRate: 5, hostileRate: 20, cleanAnswers: 20 };
  const experiment = { ...sampleExperiment(service), scenario: { id: 'keys-away', params: {} }, environment };
  return store.runs.create({
    id: newRunId(),
    service,
    environment,
    key: null,
    pool,
    experiment: { ...experiment, baselineSeconds: 3, watchSeconds: 5, contact: 10, probes },
  });
};
const ours = await create('ours', 'payments');
const theirs = await create('theirs', 'ledger');

test("a runner with its pool's role does its whole job, and leaves other pools' runs alone", async (t) => {
  const outside = await openOutside(services, timing.leaseMs);
  room.onLeave(() => outside.close());
  const before = outside.look();
  // It asks for the other pool's runs as well: what it may have is not for it to say.
  const given = { address: { connection }, outside: outside.url, name: 'ours', timing, pools: ['payments', 'ledger'] };
  const file = fileURLToPath(new URL(`runner-process${extname(import.meta.url)}`, import.meta.url));
  const runner = spawn(process.execPath, [...process.execArgv, file, JSON.stringify(given)], {
    cwd: room.folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  room.onLeave(async () => runner.kill('SIGKILL'));
  let said = '';
  runner.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  const until = Date.now() + withinMs;
  while ((await store.runs.get(ours.id))?.phase !== 'done' && runner.exitCode === null && Date.now() < until) await sleep(200);
  const run = await store.runs.get(ours.id);
  t.match(run, { phase: 'done', facts: { restored: { clean: true }, verdict: {} } }, said);
  t.equal(outside.look(), before);
  t.ok((await store.evidence.read(ours.id)).blocks.length > 0);
  t.same(
    (await query('select topic from news where run_id = $1 order by seq', [ours.id])).map(({ topic }) => topic).slice(0, 1),
    ['started'],
    'and people are told',
  );
  t.match(await store.runs.get(theirs.id), { phase: 'planning', version: 1 });
  runner.kill('SIGKILL');
});

test("a pool's role sees and touches its own runs only, and adds to the audit log and nothing else", async (t) => {
  const owned = await store.runs.claim('theirs', 60_000, 0, ['ledger']);
  if (owned === null) throw new Error('there was nothing to claim');
  const { fence } = owned;
  await store.journal.intend(fence, { id: 'a', kind: 'demo', params: {}, standsOn: [], does: '', undo: '' }, null);
  await store.evidence.append(fence, { marks: [{ phase: 'baseline', at: 1 }] });
  const alert = (id: string, about: string) => ({
    id,
    receiver: 'soc',
    rule: 'r',
    severity: 'high',
    receivedAt: 1,
    fields: { run: about },
  });
  const later = await create('ours', 'payments');
  await store.alerts.receive(alert('1', theirs.id));
  await store.alerts.receive(alert('2', later.id));

  const known = (service: string, kind: string) =>
    query('insert into gate_entries (service, environment, body, who) values ($1, $2, $3, $$somebody$$)', [
      service,
      ours.environment,
      { kind },
    ]);
  for (const service of services) for (const kind of ['came-in', 'accept-risk']) await known(service, kind);

  const role = await openStore({ connection, poolSize: 2 });
  t.same((await role.runs.list(10)).map(({ id }) => id).sort(), [ours.id, later.id].sort());
  t.equal(await role.runs.get(theirs.id), null);
  t.same(
    [await role.runs.events(theirs.id, 0, 10), await role.journal.entries(theirs.id), (await role.evidence.read(theirs.id)).marks],
    [[], [], []],
  );
  t.match(await role.alerts.alerts(later.id, { from: 0, to: 2 }, new AbortController().signal), { state: 'ok', points: [{ id: '2' }] });
  t.same((await role.policy.open()).map(({ service }) => service).sort(), services.slice().sort(), 'but caps count every pool');
  await store.policy.reserve(theirs, 3, 10);
  t.same(await role.policy.reserve({ ...theirs, id: later.id }, 8, 10), { reserved: false, held: 3 });

  const client = new pg.Client({ ...connection });
  await client.connect();
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
    [`insert into events (run_id, seq, type, data) values ('${theirs.id}', 99, 'note', '{}')`, refused],
    [`insert into journal (run_id, seq, change_id, change, before) values ('${theirs.id}', 99, 'x', '{}', '{}')`, refused],
    [`insert into evidence_parts (run_id, kind, value) values ('${theirs.id}', 'marks', '{}')`, refused],
    [`update journal set state = 'reverted' where run_id = '${theirs.id}'`, 0],
    ['delete from runs', refused],
    ['delete from journal', refused],
    [`update evidence_parts set value = '{}'`, refused],
    ['delete from evidence_blocks', refused],
    ['select body from audit', refused],
    [`insert into audit values (99, 0, '{}', '', '')`, refused],
    [`update audit set body = '{}'`, refused],
    ['delete from audit', refused],
    ['truncate audit', refused],
    ['alter table audit disable trigger all', refused],
    ['select * from tokens', refused],
    ['select * from gate_entries', 1],
    ['select * from pool_roles', refused],
    [`insert into pool_roles values ('of_payments', 'ledger')`, refused],
    [`select allow_pool('of_payments', 'ledger')`, refused],
    ['alter table runs disable row level security', refused],
    ['create table public.mine (n int)', refused],
  ];
  for (const [text, wanted] of attempts) t.equal(await codeOf(text), wanted, text);
  // A table of the session's own by the same name changes nothing of what the database does in its owner's name.
  await client.query(`create temp table pool_roles as select 'of_payments'::name as role, 'ledger'::text as pool`);
  await client.query('create temp table audit as select 41::bigint as seq, 0::bigint as at, $$$$ as body, $$$$ as prev, $$$$ as hash');
  t.equal(await codeOf(`select from runs where id = '${theirs.id}'`), 0);
  await client.query(`select append_audit('{}')`);
  await client.end();
  const entry = await role.audit.append({
    who: 'a runner',
    token: null,
    from: 'here',
    did: 'test',
    to: 'run r1',
    outcome: 'allowed',
    code: null,
    detail: {},
  });
  t.equal(entry.seq, 2);
  t.same(await role.audit.head(), await store.audit.head());

  await query(`select forbid_pool('of_payments')`);
  t.match(await role.runs.list(10).catch((error: unknown) => error), { code: 'internal', message: /permission denied/ });
  await role.close();
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

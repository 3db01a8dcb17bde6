import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Block, type Claim, emptyProbeTally, emptyTally, type RunStore } from '@haldane/core';
import {
  type ContractTest,
  evidenceContract,
  journalContract,
  outboxContract,
  runStoreContract,
  type StoresUnderTest,
  sampleRun,
} from '@haldane/testkit';
import pg from 'pg';
import { after, type Test, test } from 'tap';
import { clientConfig, openPool } from './connection.ts';
import { openStore } from './open-store.ts';
import { connectionOf, startTestDatabase, type TestCopy } from './testing/start-test-database.ts';
import { isAway } from './translate.ts';

const database = await startTestDatabase();
after(() => database.stop());

async function stores(): Promise<StoresUnderTest> {
  const copy = await database.copy();
  return { ...copy.store, letPass: copy.letPass, close: copy.close };
}

/** A test on an empty database of its own. */
function storeTest(name: string, body: (t: Test, copy: TestCopy) => Promise<void>) {
  return test(name, async (t) => {
    const copy = await database.copy();
    await body(t, copy).finally(() => copy.close());
  });
}

const claimed = async (runs: RunStore, runner = 'a'): Promise<Claim> => {
  const claim = await runs.claim(runner, 60_000, 0);
  if (!claim) throw new Error('there was nothing to claim');
  return claim;
};

const rejection = (promise: Promise<unknown>): Promise<{ code: string; message: string }> =>
  promise.then(
    () => ({ code: 'resolved', message: '' }),
    (error: { code: string; message: string }) => error,
  );

const codeIn = ({ code }: { readonly code: string }) => code;

test('the run store keeps its contract', (t) => runStoreContract(t as ContractTest, stores));
test('the journal keeps its contract', (t) => journalContract(t as ContractTest, stores));
test('the evidence store keeps its contract', (t) => evidenceContract(t as ContractTest, stores));
test('the outbox keeps its contract', (t) => outboxContract(t as ContractTest, stores));

storeTest('twenty runners and seven runs: each run goes to one', async (t, { store: { runs } }) => {
  for (let n = 0; n < 7; n += 1) await runs.create(sampleRun(`service-${n}`));
  const found = await Promise.all(Array.from({ length: 20 }, (_, n) => runs.claim(`runner-${n}`, 60_000, 0)));
  // Some may pass over a row that is locked at this moment; they would ask again.
  while ((await runs.claim('late', 60_000, 0).then((claim) => (claim && found.push(claim)) ?? 0)) > 0);
  const ids = found.flatMap((claim) => (claim ? [claim.run.id] : []));
  t.equal(ids.length, 7);
  t.equal(new Set(ids).size, 7);
});

storeTest(
  'abandoned runs are taken first, and one that is given back again and again starves nobody',
  async (t, { store: { runs }, letPass }) => {
    const waiting = await runs.create(sampleRun('waiting'));
    const busy = await claimed(runs);
    t.equal(busy.run.id, waiting.id);
    const fresh = await runs.create(sampleRun('fresh'));
    await letPass(61_000);
    const rescued = await claimed(runs);
    t.same([rescued.run.id, rescued.abandoned], [waiting.id, true]);
    await runs.release(rescued.fence);
    t.equal((await claimed(runs)).run.id, fresh.id);
  },
);

storeTest(
  'a claim waits for no one: a runner that hangs in a transaction hides only its own run, and not for long',
  async (t, { store: { runs }, query }) => {
    const first = await runs.create(sampleRun('one'));
    await runs.create(sampleRun('two'));
    await query('begin');
    await query('select from runs where id = $1 for update', [first.id]);
    const other = await claimed(runs);
    t.not(other.run.id, first.id);
    await query('rollback');
    t.equal((await claimed(runs)).run.id, first.id);
    t.match(await query('show idle_in_transaction_session_timeout'), [{ idle_in_transaction_session_timeout: '5s' }]);
  },
);

storeTest(
  'a write that waited for a rescuer is refused: the fence is looked at after the wait',
  async (t, { store: { runs, journal, evidence }, query }) => {
    await runs.create(sampleRun());
    const { fence, run } = await claimed(runs);
    await query('begin');
    await query('update runs set fence = fence + 1 where id = $1', [run.id]);
    const change = { id: 'a', kind: 'demo', params: {}, standsOn: [], does: '', undo: '' };
    const writes = [
      runs.advance(fence, run.version, { to: 'provisioning' }),
      runs.renew(fence, 1000),
      journal.intend(fence, change, null),
      evidence.append(fence, { marks: [{ phase: 'baseline', at: 1 }] }),
    ].map(rejection);
    const waiting = async () => (await query('select count(distinct pid)::int as n from pg_locks where not granted'))[0]?.['n'];
    while ((await waiting()) !== writes.length);
    await query('commit');
    t.same(
      (await Promise.all(writes)).map((error) => error.code),
      ['lease-lost', 'lease-lost', 'lease-lost', 'lease-lost'],
    );
    t.same(await journal.entries(run.id), []);
    t.same((await evidence.read(run.id)).marks, []);
  },
);

storeTest('what runs write in one breath is one statement, and each run is written under its own fence', async (t, { store, query }) => {
  const { runs, evidence } = store;
  for (const name of ['one', 'two', 'three']) await runs.create(sampleRun(name));
  const [one, two, three] = [await claimed(runs), await claimed(runs), await claimed(runs)];
  await runs.release(two.fence);
  const again = await claimed(runs);
  t.same([again.run.id, again.fence.fence], [two.run.id, two.fence.fence + 1]);
  const marks = [{ phase: 'baseline' as const, at: 1 }];
  const codes = await Promise.all(
    [one.fence, two.fence, again.fence, three.fence].flatMap((fence, n) => [
      evidence.append(fence, { marks, checks: [{ name: 'effect', at: n, passed: true, seen: '' }] }).then(() => 'kept', codeIn),
      runs.tell(fence, 'note', { first: n }).then(({ seq }) => seq, codeIn),
      runs.tell(fence, 'note', { second: n }).then(({ seq }) => seq, codeIn),
    ]),
  );
  t.same(codes, ['kept', 2, 3, 'lease-lost', 'lease-lost', 'lease-lost', 'kept', 2, 3, 'kept', 2, 3]);
  t.same(
    (await evidence.read(two.run.id)).checks.map(({ at }) => at),
    [2],
    'whoever no longer holds it writes nothing, beside whoever does',
  );
  t.same(
    (await runs.events(two.run.id, 1, 10)).map(({ seq, data }) => [seq, data]),
    [
      [2, { first: 2 }],
      [3, { second: 2 }],
    ],
  );
  t.equal((await query('select distinct xmin::text from evidence_parts union select xmin::text from events where seq > 1')).length, 1);
});

storeTest('a row that somebody else holds, and a text that cannot be kept, hold up no other run', async (t, { store: { runs }, query }) => {
  for (const name of ['one', 'two', 'three']) await runs.create(sampleRun(name));
  const [one, two, three] = [await claimed(runs), await claimed(runs), await claimed(runs)];
  await query('begin');
  // As long as a busy machine needs.
  await query("set local idle_in_transaction_session_timeout = '60s'");
  await query('select from runs where id = $1 for update', [one.run.id]);
  const held = Promise.all([runs.tell(one.fence, 'note', { n: 1 }), runs.renew(one.fence, 70_000)]);
  let isHeld = true;
  void held.then(() => {
    isHeld = false;
  });
  const [told, refused, renewed] = await Promise.all([
    runs.tell(two.fence, 'note', { n: 2 }),
    rejection(runs.tell(three.fence, 'no\u0000te' as 'note', {})),
    runs.renew(two.fence, 70_000),
  ]);
  t.same([told.seq, refused.code, isHeld], [2, 'internal', true]);
  t.ok(renewed > 0);
  await query('commit');
  const [[late], ends] = [
    await held,
    await query('select count(*)::int as n from runs where lease_until > clock_timestamp() + interval $$65 seconds$$'),
  ];
  t.same([late?.seq, ends], [2, [{ n: 2 }]]);
});

storeTest('the same change intended twice at once is one entry', async (t, { store: { runs, journal } }) => {
  await runs.create(sampleRun());
  const { fence, run } = await claimed(runs);
  const change = { id: 'a', kind: 'demo', params: {}, standsOn: [], does: '', undo: '' };
  const entries = await Promise.all([1, 2, 3, 4].map((n) => journal.intend(fence, change, n)));
  t.equal(new Set(entries.map((entry) => `${entry.seq} ${String(entry.before)}`)).size, 1);
  t.equal((await journal.entries(run.id)).length, 1);
});

storeTest('values come back with their keys in order, and odd text is kept or made harmless', async (t, { store: { runs, journal } }) => {
  const wanted = sampleRun();
  const run = await runs.create(wanted);
  t.equal(JSON.stringify(run.experiment), JSON.stringify(wanted.experiment), 'a hash of it stays the same');
  const { fence } = await claimed(runs);
  const before = { z: 1, a: 'nul \u0000, lone \ud800, quote "\\', big: 1e21, tiny: -1.5e-9 };
  await journal.intend(fence, { id: 'a', kind: 'demo', params: { b: 1, a: 2 }, standsOn: [], does: '', undo: '' }, before);
  await journal.mark(fence, 1, 'stuck', 'said \u0000 and died');
  await runs.askAbort(run.id, 'because \u0000');
  const [entry] = await journal.entries(run.id);
  t.equal(JSON.stringify(entry?.before), JSON.stringify(before));
  t.equal(JSON.stringify(entry?.change.params), '{"b":1,"a":2}');
  t.equal(entry?.note, 'said \ufffd and died');
});

storeTest('a number that JavaScript cannot hold is an error, not a wrong number', async (t, { store, query }) => {
  t.same(await query('select 9007199254740991::int8 as n'), [{ n: 9007199254740991 }]);
  t.match(await rejection(query('select 9007199254740993::int8 as n')), { code: 'internal', message: /9007199254740993/ });
  t.ok(store);
});

storeTest('an hour of busy blocks stays below 10 MB', async (t, { store: { runs, evidence }, query }) => {
  await runs.create(sampleRun());
  const { fence, run } = await claimed(runs);
  const probes = { ...emptyProbeTally, sent: 25, classes: [20, 0, 5, 0, 0, 0, 0, 0] };
  const bins = Array.from({ length: 60 }, (_, n) => [300 + n, 3] as const);
  const block = (at: number): Block => ({
    at,
    phase: 'observing',
    real: {
      production: { ...emptyTally, requests: 10_000 },
      control: { ...emptyTally, requests: 200 },
      experiment: { ...emptyTally, requests: 200 },
    },
    keys: { control: 50, experiment: 51 },
    failedKeys: { control: 0, experiment: 2 },
    switched: 0,
    dependencyCalls: { control: 9, experiment: 9 },
    met: { control: 0, experiment: 9 },
    budget: { spent: 3, cap: 20, credit: 0.123456789 },
    narrowed: true,
    latency: { control: bins, experiment: bins },
    legitimate: { control: probes, experiment: probes },
    hostile: { control: probes, experiment: probes },
    healthy: { control: 2, experiment: 2 },
  });
  const start = 1_795_000_000;
  const hour = Array.from({ length: 3600 }, (_, n) => block(start + n));
  for (let n = 0; n < 3600; n += 600) await evidence.append(fence, { blocks: hour.slice(n, n + 600) });
  await evidence.append(fence, { blocks: [{ ...block(start), switched: 7 }, block(start + 3600)] });
  const read = await evidence.read(run.id);
  t.same(read.blocks.slice(0, 2), hour.slice(0, 2), 'a second that is there stays as it is');
  t.equal(read.blocks.length, 3601);
  const size = await query(`select pg_total_relation_size('evidence_blocks')::int as bytes`);
  t.ok((size[0]?.['bytes'] as number) < 10e6, `${String(size[0]?.['bytes'])} bytes`);
});

storeTest('who listens hears of each run with news, and that something may have been missed after a break', async (t, { store, query }) => {
  const heard: (string | null)[] = [];
  let news = () => {};
  const remove = store.onEvents((runId) => {
    heard.push(runId);
    news();
  });
  const until = async (fact: () => boolean) => {
    while (!fact())
      await new Promise<void>((resolve) => {
        news = resolve;
      });
  };
  await until(() => heard.length > 0);
  t.same(heard, [null], 'from now on');
  const run = await store.runs.create(sampleRun());
  await until(() => heard.includes(run.id));
  await query(`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and datname = current_database()`);
  await until(() => heard.filter((id) => id === null).length === 2);
  await store.runs.tell(run.id, 'note', { text: 'after the break' });
  await until(() => heard.at(-1) === run.id);
  remove();
  const before = heard.length;
  await store.runs.tell(run.id, 'note', { text: 'nobody listens' });
  const probe: (string | null)[] = [];
  store.onEvents((runId) => {
    probe.push(runId);
    news();
  });
  await store.runs.tell(run.id, 'note', { text: 'another does' });
  await until(() => probe.includes(run.id));
  t.equal(heard.length, before);
});

storeTest(
  'alerts wait in the inbox: the first arrival counts, the window has both its ends, no data is said so',
  async (t, { store: { alerts } }) => {
    const signal = new AbortController().signal;
    const alert = (id: string, receivedAt: number, receiver = 'soc') => ({
      id,
      receiver,
      rule: 'r',
      severity: 'high',
      receivedAt,
      fields: { service: 'payments' },
    });
    for (const each of [alert('b', 200), alert('a', 100), alert('a', 150), alert('a', 300, 'oncall')]) await alerts.receive(each);
    t.same(await alerts.alerts('any', { from: 100, to: 200 }, signal), { state: 'ok', points: [alert('a', 100), alert('b', 200)] });
    t.same(await alerts.alerts('any', { from: 300, to: 300 }, signal), { state: 'ok', points: [alert('a', 300, 'oncall')] });
    t.same(await alerts.alerts('any', { from: 101, to: 199 }, signal), { state: 'no-data' });
  },
);

storeTest('settings are null until they are set, and then what was set last', async (t, { store: { settings } }) => {
  t.equal(await settings.get('halted'), null);
  await settings.set('halted', { by: 'ana' });
  await settings.set('halted', false);
  t.equal(await settings.get('halted'), false);
});

storeTest('a database that does not answer is unavailable, and no error holds the password', async (t, { address }) => {
  const connection = connectionOf(address);
  const gone = await rejection(openStore({ connection: { ...connection, host: `${connection.host}-gone` } }));
  t.equal(gone.code, 'unavailable');
  const refused = await rejection(openStore({ connection: { ...connection, password: 'marker-secret' } }));
  t.notMatch(JSON.stringify([refused, refused.message, String(refused)]), /marker-secret/);
  const crooked = await rejection(openStore({ url: 'postgres//me:marker-secret@host/db' }));
  t.equal(crooked.code, 'bad-request');
  t.notMatch(JSON.stringify([crooked, crooked.message]) + String((crooked as { cause?: unknown }).cause), /marker-secret/);
});

storeTest('a lease is renewed while every other connection waits', async (t, { address, query }) => {
  const busy = await openStore({ ...address, poolSize: 2 });
  const run = await busy.runs.create(sampleRun());
  const { fence } = await claimed(busy.runs);
  const locker = new pg.Client(clientConfig(address));
  await locker.connect();
  await locker.query('begin; lock table settings in access exclusive mode');
  const waiting = Promise.all([1, 2, 3].map(() => busy.settings.get('anything').catch(() => null)));
  const stuck = async () => (await query(`select count(*)::int as n from pg_locks where not granted`))[0]?.['n'];
  while ((await stuck()) !== 2) await sleep(20);
  t.ok((await busy.runs.renew(fence, 60_000)) > Date.now() + 30_000);
  await locker.query('rollback');
  await locker.end();
  await waiting;
  t.equal((await busy.runs.get(run.id))?.phase, 'planning');
  await busy.close();
});

storeTest(
  'a renewal that is not answered takes its connection with it, and the next one has another',
  async (t, { address, query, store }) => {
    await store.runs.create(sampleRun());
    const { fence } = await claimed(store.runs);
    t.ok(await store.runs.renew(fence, 60_000));
    const line = await query(
      `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%update runs set lease_until%'`,
    );
    t.equal(line.length, 1);
    const locker = new pg.Client(clientConfig(address));
    await locker.connect();
    await locker.query('begin; lock table runs in access exclusive mode');
    t.match(await rejection(store.runs.renew(fence, 1_000)), { code: 'unavailable', message: /did not answer within 1000 ms/ });
    await locker.query('rollback');
    await locker.end();
    t.ok((await store.runs.renew(fence, 60_000)) > Date.now() + 30_000);
    const isGone = async () => (await query('select pid from pg_stat_activity where pid = $1', [line[0]?.['pid']])).length === 0;
    for (let tries = 0; !(await isGone()) && tries < 500; tries += 1) await sleep(20);
    t.ok(await isGone());
  },
);

storeTest('a query that nobody answers ends, takes its connection with it, and the next one has another', async (t, { address }) => {
  const server = connectionOf(address);
  const held = new Set<Socket>();
  let holding = false;
  // A way to the server that falls silent without a word, as when a machine is gone.
  const way = createServer((incoming) => {
    const outgoing = connect(`${server.host}/.s.PGSQL.${server.port}`);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      from.on('data', (bytes) => (holding ? held.add(incoming) : to.write(bytes)));
      from.on('error', () => undefined).on('close', () => to.destroy());
    }
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');
  const { port } = way.address() as AddressInfo;
  const pool = openPool({ connection: { ...server, host: '127.0.0.1', port } }, 2, { silentMs: 500 });
  const ask = () => pool.query('select 1 as one').then(({ rows }) => rows[0]?.one as number);
  t.equal(await ask(), 1);
  holding = true;
  const error = await ask().catch((reason: unknown) => reason);
  t.match(error, { message: /said nothing for 500 ms/ });
  t.ok(isAway(error), 'which is told as unavailable');
  t.equal(held.size, 1);
  holding = false;
  t.equal(await ask(), 1);
  await pool.end();
  await new Promise((resolve) => way.close(resolve));
});

storeTest('a url opens the same database', async (t, { address, store }) => {
  const connection = connectionOf(address);
  const run = await store.runs.create(sampleRun());
  const url = `postgres://${connection.user}:${connection.password}@/${connection.database}?host=${encodeURIComponent(connection.host)}&port=${connection.port}`;
  const second = await openStore({ url });
  t.equal((await second.runs.get(run.id))?.id, run.id);
  await second.close();
});

storeTest('an alert source without a database is unavailable, never empty', async (t, { store, address }) => {
  const other = await openStore(address);
  await other.close();
  t.match(await other.alerts.alerts('any', { from: 0, to: 1 }, new AbortController().signal), { state: 'unavailable' });
  t.ok(store);
});

storeTest(
  'failures of a month are set aside once, settled once, and what ended unsettled counts what its last second showed',
  async (t, { store, query }) => {
    const { runs, policy } = store;
    const make = async (id: string) => {
      const run = await runs.create({ ...sampleRun('payments'), id });
      return { run, claim: await claimed(runs) };
    };
    const end = async ({ run, claim }: Awaited<ReturnType<typeof make>>) =>
      void (await runs.advance(claim.fence, run.version, { to: 'done' }));
    const first = await make('run-1');
    t.same(await policy.reserve(first.run, 20, 45), { reserved: true, held: 0 });
    t.same(await policy.reserve(first.run, 20, 45), { reserved: true, held: 0 }, 'once');
    await policy.settle('run-1', 7);
    await policy.settle('run-1', 0);
    await end(first);
    const second = await make('run-2');
    t.same(await policy.reserve(second.run, 39, 45), { reserved: false, held: 7 });
    t.same(await policy.reserve(second.run, 38, 45), { reserved: true, held: 7 });
    await query("insert into evidence_blocks values ('run-2', 1, 'observing', false, '{3,38,0}', '{}', '{}', '{}')");
    await end(second);
    const third = await make('run-3');
    t.same(await policy.reserve(third.run, 36, 45), { reserved: false, held: 10 }, 'seven, and the three that were seen last');
    await policy.settle('nobody', 5);
  },
);

storeTest('rules see open runs, runs that passed, and who approved', async (t, { store: { runs, policy, figures } }) => {
  const run = await runs.create(sampleRun('payments'));
  t.same(await policy.open(), [{ id: run.id, service: 'payments', environment: 'test', share: 0.1, touches: null }]);
  const { fence } = await claimed(runs);
  const facts = { verdict: { verdict: 'resilient' }, restored: { at: 5 }, deployment: { revision: 'abc' }, plan: { scenarioVersion: 2 } };
  await runs.advance(fence, run.version, { to: 'done', learned: facts as never });
  t.same(await policy.open(), []);
  const scenario = run.experiment.scenario.id;
  t.same(await policy.passed('payments', scenario, 2), [{ environment: 'test', revision: 'abc', share: 0.1, at: 5 }]);
  t.same(await policy.passed('payments', scenario, 3), [], 'another version is another scenario');
  for (const who of ['ann', 'ann', 'bob'])
    await policy.approve({ service: 'payments', environment: 'test', scenario, version: 2, who, why: 'read it' });
  t.same(await policy.approvals(run, scenario, 2), ['ann', 'bob'], 'a person counts once');
  t.same(await policy.approvals({ ...run, environment: 'live' }, scenario, 2), []);
  const ended = (await figures.read()).find(({ name }) => name === 'haldane_runs_ended_total');
  t.same(ended?.samples, [{ labels: { verdict: 'resilient', stop: 'none' }, value: 1 }]);

  const other = await runs.create(sampleRun('orders'));
  const orders = await claimed(runs);
  const deployment = { revision: 'abc', route: 'front', dependencies: [{ name: 'idp' }, { name: 'database' }] };
  await runs.advance(orders.fence, other.version, { to: 'provisioning', learned: { deployment } as never });
  t.match(await policy.open(), [{ id: other.id, touches: { route: 'front', dependencies: ['idp', 'database'] } }]);
  t.same(await policy.runsOn('test', ['payments', 'orders', 'nobody']), [{ id: other.id, service: 'orders' }], 'those that have not ended');
  t.same(await policy.runsOn('live', ['orders']), []);
  t.same(await policy.runsOn('test', []), []);

  const idp = await runs.create(sampleRun('idp'));
  const where = (source: string) => ({ deployment: { platform: 'memory', source } }) as never;
  await runs.advance((await claimed(runs)).fence, idp.version, { to: 'done', learned: where('idp.old') });
  await runs
    .create(sampleRun('idp'))
    .then(async ({ version }) => runs.advance((await claimed(runs)).fence, version, { to: 'done', learned: where('idp.new') }));
  await runs.create(sampleRun('idp'));
  t.same(
    await policy.whereRunning('test', ['idp', 'nobody']),
    [{ service: 'idp', platform: 'memory', source: 'idp.new' }],
    'as the newest run found it that looked',
  );
  t.same(await policy.whereRunning('live', ['idp']), []);
});

storeTest('pages are what reached a receiver while other runs went on, each once', async (t, { store: { runs, evidence, policy } }) => {
  const alert = (id: string, receivedAt: number, receiver = 'oncall') => ({
    id,
    receiver,
    rule: 'a',
    severity: 'page',
    receivedAt,
    fields: {},
  });
  const now = await policy.now();
  const ids: string[] = [];
  for (const service of ['payments', 'orders']) {
    ids.push((await runs.create(sampleRun(service))).id);
    const { fence } = await claimed(runs);
    await evidence.append(fence, {
      alerts: [alert(service, now - 5), alert('both', now - 4), alert('old', now - 9_000), alert('b', now, 'other')],
    });
  }
  t.equal(await policy.pages('oncall', now - 1_000, 'nobody'), 3);
  t.equal(await policy.pages('oncall', now - 10_000, 'nobody'), 4);
  t.equal(await policy.pages('oncall', now - 1_000, ids[0] ?? ''), 1, 'what the run itself was sent, another may have seen');
  t.equal(await policy.pages('nobody', 0, 'nobody'), 0);
});

storeTest('a lock holds until it expires or is taken off, and nobody shortens it with another', async (t, { store: { policy } }) => {
  const payments = { service: 'payments', environment: 'test' };
  t.equal(await policy.lock(payments), null);
  const first = await policy.setLock(payments, { why: 'an incident', by: 'ann', livesMs: 3_600_000 });
  t.match(first, { ...payments, why: 'an incident', by: 'ann' });
  t.ok(first.until > Date.now() + 3_000_000);
  await policy.setLock(payments, { why: 'a longer one', by: 'bob', livesMs: 7_200_000 });
  t.match(await policy.lock(payments), { why: 'a longer one', by: 'bob' });
  t.match(await policy.setLock(payments, { why: 'a shorter one', by: 'eve', livesMs: 1_000 }), { why: 'a longer one', by: 'bob' });
  t.match(await policy.lock(payments), { why: 'a longer one', by: 'bob' });
  t.equal(await policy.lock({ ...payments, environment: 'live' }), null);
  t.equal((await policy.locks()).length, 1);
  t.equal(await policy.unlock(payments), true);
  t.equal(await policy.unlock(payments), false);
  await policy.setLock(payments, { why: 'over already', by: 'ann', livesMs: 0 });
  t.equal(await policy.lock(payments), null);
  t.same(await policy.locks(), []);
});

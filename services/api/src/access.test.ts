import type { AddressInfo } from 'node:net';
import { checkChain, HaldaneClient } from '@haldane/client';
import { type Act, type Grant, type NewToken, type Role, roles, wholeScope } from '@haldane/core';
import { startTestDatabase } from '@haldane/store/testing';
import { sampleExperiment } from '@haldane/testkit';
import { after, type Test, test } from 'tap';
import { holds } from './access/capabilities.ts';
import type { Desk } from './desk.ts';
import { createApi } from './index.ts';
import type { Rate } from './rate-limit.ts';
import { type Route, routes } from './routes.ts';

const database = await startTestDatabase();
after(() => database.stop());
const own = 'the-token-of-the-house';
const many = { burst: 100_000, perSecond: 1_000 };
const mine = { service: 'payments', environment: 'test', owner: { team: 'mine', contact: '#mine' } };
const alert = { rule: 'keys-failing', severity: 'high', summary: 'the keys cannot be read' };

/** A listening API over a database of its own with one run of a service of the team `mine`. */
async function house(t: Test, rates: { known: Rate; strangers: Rate } = { known: many, strangers: many }) {
  const copy = await database.copy();
  const { store } = copy;
  await store.services.register(mine, mine.owner);
  const run = await store.runs.create({ id: 'run-1', ...mine, experiment: sampleExperiment(), key: 'spinnaker:01H/2' });
  const touched: string[] = [];
  const desk: Desk = {
    store,
    plan: async (_file, permit) => {
      await permit(mine, mine.owner);
      return { refusals: [] } as never;
    },
    define: async (_file, permit) => {
      await permit(mine, mine.owner);
      return { service: 'payments', environment: 'test', experiment: 'keys', scenario: 's', seconds: 1, listens: false };
    },
    create: async (wanted, permit) => {
      await permit(mine, { team: wanted.file.includes('stolen') ? 'theirs' : 'mine', contact: '' });
      touched.push('create');
      return run;
    },
    hold: async ({ ref }, permit) => {
      await permit(mine, mine.owner);
      touched.push('hold');
      return store.deploys.holdStage({ ref, rule: 'here', asked: { ...mine, owner: null }, who: 'somebody', unattendedMs: null });
    },
    deploy: async (_file, permit) => {
      await permit(mine, mine.owner);
      touched.push('deploy');
      return { service: 'payments', environment: 'test', revision: 'abc', address: 'http://127.0.0.1:1' };
    },
    schedule: async (wanted, permit) => {
      await permit(mine, mine.owner);
      touched.push('schedule');
      const { id, file, cron = null } = wanted;
      return {
        id,
        file,
        cron,
        pool: '',
        zone: 'UTC',
        afterDeploy: false,
        jitterSeconds: 0,
        catchUp: 'once',
        seenUntil: 0,
        seenRevision: null,
      };
    },
    scenarios: () => [{ id: 'jwt-forged-alg', version: 1, title: '', when: '', expects: '', undo: '', detection: '', touchedBy: null }],
    sweep: async () => [],
    evidence: async () => ({}) as never,
    report: async () => 'a report',
    bundle: async () => 'a bundle',
    signingKeys: () => [],
  };
  const app = createApi({ desk, tokens: [own], alertTokens: ['a-sender'], onError: () => undefined, rates });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    await app.close();
    await copy.close();
  });
  const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const issue = async (grants: readonly Grant[], more: Partial<NewToken> = {}) =>
    store.tokens.issue({ subject: 'somebody', grants, scope: wholeScope, madeBy: 'a test', livesMs: 60_000, ...more });
  const ask = async (method: string, path: string, secret: string | null, body?: unknown) => {
    const leaving = new AbortController();
    const answer = await fetch(address + path, {
      method,
      signal: leaving.signal,
      headers: {
        ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const streams = answer.headers.get('content-type') === 'text/event-stream';
    const text = streams ? '' : await answer.text();
    if (streams) leaving.abort();
    return { status: answer.status, headers: answer.headers, text };
  };
  const client = (secret: string) => new HaldaneClient({ address, token: secret });
  const acts = async () => (await store.audit.read(0, 10_000)).map(({ body }) => JSON.parse(body) as Act);
  return { copy, store, app, ask, issue, client, acts, touched };
}

/** A good request to the route, about the service of `mine`. */
function example({ id, operation }: Route, victim: string): { readonly path: string; readonly body?: unknown } {
  const path = operation.path
    .replace(':ref', encodeURIComponent('spinnaker:01H/2'))
    .replace('/v1/tokens/:id', `/v1/tokens/${victim}`)
    .replace(':id', 'run-1')
    .replace(':service', 'payments')
    .replace(':environment', 'test')
    .replace(':name', 'an-experiment')
    .replace(':receiver', 'oncall');
  const bodies: Readonly<Record<string, unknown>> = {
    deployService: { file: '/x' },
    moveService: { team: 'mine', contact: '#mine' },
    planExperiment: { file: '/x' },
    defineExperiment: { file: '/x' },
    createRun: { file: '/x' },
    beginStage: { file: '/x' },
    abortStage: { why: 'enough' },
    abortRun: { why: 'enough' },
    approveScenario: { scenario: 'jwt-forged-alg', why: 'looked at it' },
    askGate: { revision: 'abc' },
    setGateMode: { experiment: 'an-experiment', mode: 'warn', why: 'agreed' },
    acceptRisk: { experiment: 'an-experiment', lives: 3_600, why: 'known' },
    resolveFinding: { experiment: 'an-experiment', revision: 'abc', why: 'rolled back' },
    breakGlass: { revision: 'abc', why: 'an outage' },
    noteCameIn: { experiment: 'an-experiment', good: 'abc', bad: 'def', why: 'a bisect found it' },
    chooseExperiments: { revision: 'abc', differences: [{ since: 'def', touched: null }] },
    lockService: { why: 'an incident', hours: 8 },
    unlockService: { why: 'it is over' },
    addSchedule: { id: 'nightly', file: '/x', cron: '0 3 * * *' },
    sweep: { end: false },
    makeToken: { subject: 'a pipeline', grants: [{ role: 'viewer', team: 'mine' }], lives: 60 },
    answerRightsChange: { mine: true },
    halt: { why: 'a test' },
    liftHalt: { why: 'a test' },
    sendAlert: alert,
    exchangeLogin: { login: 'forged' },
  };
  const query = id === 'listAlerts' ? '?from=0&to=1' : '';
  return { path: path + query, ...(bodies[id] === undefined ? {} : { body: bodies[id] }) };
}

/** What the table says of a role in a team, about the service of `mine`. */
function should({ operation }: Route, role: Role, team: 'mine' | 'theirs' | '*'): 'in' | 'out' {
  const held = operation.may !== null && holds(role, operation.may);
  switch (operation.on) {
    case 'login':
    case 'public':
      return 'in';
    case 'assertion':
    case 'sender':
    case 'signed':
      return 'out';
    case 'house':
      return held && team === '*' ? 'in' : 'out';
    default:
      return held && team !== 'theirs' ? 'in' : 'out';
  }
}

test('who may ask for what: every address, role and team, cell by cell', async (t) => {
  const { ask, issue, acts, store, touched } = await house(t);
  const victim = await issue([{ role: 'viewer', team: 'mine' }]);
  const seen = new Map<string, number>();
  let refused = 0;
  for (const team of ['mine', 'theirs', '*'] as const)
    for (const role of roles) {
      const { secret } = await issue([{ role, team }]);
      for (const route of routes) {
        const { path, body } = example(route, victim.token.id);
        const before = touched.length;
        const { status } = await ask(route.operation.method, path, secret, body);
        seen.set(`${role} of ${team}: ${route.operation.method} ${route.operation.path}`, status);
        const wanted = should(route, role, team);
        const cell = `${role} of ${team} is ${wanted === 'in' ? 'let in' : 'refused'} at ${route.operation.method} ${path}`;
        if (wanted === 'out')
          t.ok(status === 403 || (['sender', 'signed', 'assertion'].includes(route.operation.on) && status === 401), `${cell}: ${status}`);
        else t.ok(status < 400 || status === 404, `${cell}: ${status}`);
        if (wanted === 'out') t.equal(touched.length, before, 'and nothing is touched');
        if (wanted === 'out' && route.operation.method !== 'GET' && route.operation.on !== 'signed') refused += 1;
      }
    }
  const signed = routes.filter(({ operation }) => operation.on === 'signed').map(({ id }): string => id);
  const log = (await acts()).filter(({ outcome }) => outcome === 'refused');
  t.equal(log.filter(({ did }) => !signed.includes(did)).length, refused, 'each refused change is in the audit log');
  for (const id of signed)
    t.ok(
      log.some(({ did }) => did === id),
      `a forgery at ${id} is in it, though not each`,
    );
  // Cells that the table itself could have wrong.
  for (const [cell, status] of [
    ['viewer of mine: GET /v1/runs/:id', 200],
    ['viewer of mine: POST /v1/runs/:id/abort', 403],
    ['viewer of theirs: GET /v1/runs/:id', 403],
    ['viewer of theirs: GET /v1/runs/by-ref/:ref/evidence', 403],
    ['operator of mine: POST /v1/runs', 201],
    ['operator of theirs: POST /v1/runs', 403],
    ['approver of mine: POST /v1/runs', 403],
    ['approver of mine: POST /v1/runs/:id/abort', 200],
    ['risk-owner of mine: PUT /v1/services/:service/:environment/owner', 403],
    ['admin of mine: POST /v1/tokens', 201],
    ['admin of theirs: POST /v1/tokens', 403],
    ['admin of mine: POST /v1/sweep', 403],
    ['admin of *: POST /v1/sweep', 200],
    ['viewer of theirs: POST /v1/halt', 200],
    ['admin of mine: DELETE /v1/halt', 403],
    ['viewer of mine: GET /v1/audit', 403],
  ] as const)
    t.equal(seen.get(cell), status, cell);
  t.equal((await store.runs.list(10, { of: [] })).length, 0);
});

test('a route that does not say who may ask for it cannot be added', async (t) => {
  const { app } = await house(t);
  t.throws(() => app.get('/v1/back-door', async () => 'welcome'), /does not say who may ask for it|already listening/);
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const fresh = createApi({ desk: { store: copy.store } as unknown as Desk, tokens: [], alertTokens: [], onError: () => undefined });
  t.throws(() => fresh.get('/v1/back-door', async () => 'welcome'), { code: 'internal', message: /GET \/v1\/back-door does not say who/ });
  await fresh.close();
});

test('a token opens until it expires or is ended, for what it is narrowed to, and its secret is nowhere', async (t) => {
  const { ask, client, copy, acts } = await house(t);
  const admin = client(own);
  const made = await admin.makeToken({ subject: 'ci', grants: [{ role: 'operator', team: 'mine' }], lives: 600 });
  t.match(made.secret, /^haldane_[\w-]{43}$/);
  t.equal((await client(made.secret).me()).subject, 'ci');
  t.notMatch(await copy.dump(), made.secret, 'the database has only its hash');
  t.notMatch(JSON.stringify(await admin.tokens()), made.secret);
  t.notMatch(JSON.stringify(await acts()), made.secret);
  for (const forged of [
    `${made.secret}x`,
    made.secret.slice(0, -1),
    made.secret.replace('haldane_', ''),
    made.token.id,
    '',
    'x'.repeat(5_000),
  ])
    t.equal((await ask('GET', '/v1/me', forged)).status, 401, forged.slice(0, 20));

  const narrowed = await admin.makeToken({
    subject: 'ci of staging',
    grants: [{ role: 'admin', team: 'mine' }],
    lives: 600,
    scope: { operations: ['getRun', 'makeToken', 'createRun'], environments: ['staging'] },
  });
  t.equal((await ask('GET', '/v1/runs/run-1', narrowed.secret)).status, 403, 'a run elsewhere');
  t.equal((await ask('POST', '/v1/runs', narrowed.secret, { file: '/x' })).status, 403);
  t.equal((await ask('GET', '/v1/runs', narrowed.secret)).status, 403, 'another operation');
  const wider = { subject: 'me again', grants: [{ role: 'admin', team: 'mine' }], lives: 600 };
  t.equal((await ask('POST', '/v1/tokens', narrowed.secret, wider)).status, 403, 'it cannot widen itself');
  for (const grants of [[{ role: 'admin', team: '*' }], [{ role: 'viewer', team: 'theirs' }]])
    t.equal((await ask('POST', '/v1/tokens', made.secret, { ...wider, grants })).status, 403, 'nobody gives what is not theirs');

  await admin.revokeToken(made.token.id);
  t.equal((await ask('GET', '/v1/me', made.secret)).status, 401, 'ended');
  const brief = await admin.makeToken({ subject: 'brief', grants: [{ role: 'viewer', team: 'mine' }], lives: 60 });
  await copy.query(`update tokens set expires_at = clock_timestamp() - interval '1 ms' where id = $1`, [brief.token.id]);
  t.equal((await ask('GET', '/v1/me', brief.secret)).status, 401, 'expired');
});

test('what one may not read is not in any list, and a key leads nobody to the run of another team', async (t) => {
  const { ask, issue, store, client } = await house(t);
  const theirs = { service: 'orders', environment: 'test', owner: { team: 'theirs', contact: '#theirs' } };
  await store.services.register(theirs, theirs.owner);
  await store.runs.create({ id: 'run-2', ...theirs, experiment: sampleExperiment(), key: null });
  const { secret } = await issue([{ role: 'operator', team: 'theirs' }]);
  t.same(
    (await client(secret).runs()).map(({ id }) => id),
    ['run-2'],
  );
  t.same(
    (await client(secret).services()).map(({ service }) => service),
    ['orders'],
  );
  t.same(
    (await client(own).runs()).map(({ id }) => id),
    ['run-2', 'run-1'],
  );
  t.equal((await ask('GET', '/v1/runs/by-ref/spinnaker%3A01H%2F2', secret)).status, 403);
  t.equal((await client(own).runByRef('spinnaker:01H/2')).id, 'run-1');
  const first = await ask('GET', '/v1/runs?limit=1', own);
  t.equal(first.headers.get('link'), '</v1/runs?before=run-2&limit=1>; rel="next"');
  t.match((await ask('GET', '/v1/runs?before=run-2&limit=1', own)).text, /"id":"run-1"/);
  t.equal(
    (await ask('POST', '/v1/runs', secret, { file: '/stolen' })).status,
    403,
    'a file that names another owner gives nobody the service',
  );
  t.match(await store.services.get(mine), { owner: { team: 'mine' } });
  t.equal((await ask('POST', '/v1/runs', own, { file: '/stolen' })).status, 201, 'an admin of both teams moves it');
  t.match(await store.services.get(mine), { owner: { team: 'theirs' } });
});

test('whoever asks too often is told when to come back, and a flood is none in the audit log', async (t) => {
  const { ask, acts, app } = await house(t, { known: { burst: 3, perSecond: 0.01 }, strangers: { burst: 2, perSecond: 0.01 } });
  const statuses = async (secret: string | null) => {
    const seen: number[] = [];
    for (let n = 0; n < 5; n += 1) seen.push((await ask('POST', '/v1/halt', secret, { why: 'x' })).status);
    return seen;
  };
  t.same(await statuses(null), [401, 401, 429, 429, 429]);
  t.same(await statuses(own), [200, 200, 200, 429, 429]);
  const last = await ask('GET', '/v1/me', own);
  t.equal(last.status, 429);
  t.ok(Number(last.headers.get('retry-after')) > 0);
  t.same(
    (await acts()).map(({ outcome }) => outcome),
    ['refused', 'refused', 'allowed', 'allowed', 'allowed'],
  );
  await app.close();
});

test('a lock asks what runs on its service to stop, and nothing else', async (t) => {
  const { ask, store } = await house(t);
  const orders = { service: 'orders', environment: 'test' };
  await store.services.register(orders, mine.owner);
  await store.runs.create({ id: 'run-2', ...orders, experiment: sampleExperiment(), key: null });
  t.equal((await ask('PUT', '/v1/services/payments/test/lock', own, { why: 'an incident', hours: 8 })).status, 200);
  t.equal((await store.runs.get('run-1'))?.abortAsked, 'payments in test was locked by the owner of the data folder: an incident');
  t.equal((await store.runs.get('run-2'))?.abortAsked, null);
});

test('an answer that has not changed is not sent again', async (t) => {
  const { app, store } = await house(t);
  const get = (headers = {}) =>
    app.inject({ method: 'GET', url: '/v1/runs/run-1', headers: { authorization: `Bearer ${own}`, ...headers } });
  const tag = (await get()).headers.etag as string;
  const same = await get({ 'if-none-match': tag });
  t.same([same.statusCode, same.body], [304, '']);
  await store.runs.askAbort('run-1', 'enough');
  t.equal((await get({ 'if-none-match': tag })).statusCode, 200);
});

test('who did what is written down before it is done, also what was refused or failed, and can be checked from outside', async (t) => {
  const { ask, client, issue, acts, store } = await house(t);
  const { secret, token } = await issue([{ role: 'viewer', team: 'mine' }], { subject: 'ada' });
  await ask('POST', '/v1/runs/run-1/abort', own, { why: 'enough' });
  await ask('POST', '/v1/runs/run-1/abort', secret, { why: 'me too' });
  await ask('POST', '/v1/runs/run-1/abort', null, { why: 'and me' });
  await ask('POST', '/v1/runs/run-9/abort', own, { why: 'nobody' });
  await ask('GET', '/v1/runs/run-1', secret);
  t.match(await acts(), [
    {
      who: 'the owner of the data folder',
      token: 'own',
      from: '127.0.0.1',
      did: 'abortRun',
      to: 'run run-1',
      outcome: 'allowed',
      code: null,
      detail: { why: 'enough' },
    },
    { who: 'ada', token: token.id, did: 'abortRun', outcome: 'refused', code: 'forbidden' },
    { who: 'a stranger', token: null, did: 'abortRun', outcome: 'refused', code: 'unauthorised' },
    { did: 'abortRun', outcome: 'refused', code: 'not-found' },
  ]);
  t.equal((await acts()).length, 4, 'reading is not written down');
  await ask('POST', '/v1/runs/by-ref/spinnaker%3A01H%2F2/stage/abort', secret, { why: 'a stage' });
  t.match((await acts()).slice(4), [{ did: 'abortStage', to: 'the run with the key spinnaker:01H/2', outcome: 'allowed' }]);
  store.runs.askAbort = async () => {
    throw Object.assign(new Error('gone'), { code: 'unavailable' });
  };
  t.equal((await ask('POST', '/v1/runs/run-1/abort', own, { why: 'again' })).status, 503);
  t.match((await acts()).slice(5), [{ outcome: 'allowed' }, { outcome: 'failed', code: 'unavailable' }]);

  const head = await client(secret).auditHead();
  t.match(await checkChain(client(own).audit(0, 2), [head]), { entries: 7, head, wrong: null });
  store.audit.append = async () => {
    throw Object.assign(new Error('away'), { code: 'unavailable' });
  };
  t.equal((await ask('POST', '/v1/halt', own, { why: 'x' })).status, 503);
  t.match(await store.halt.get(), { halted: false }, 'what cannot be written down is not done');
});

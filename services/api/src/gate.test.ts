import type { AddressInfo } from 'node:net';
import { HaldaneClient } from '@haldane/client';
import { type Act, type Facts, type Role, wholeScope } from '@haldane/core';
import { startTestDatabase } from '@haldane/store/testing';
import { sampleRun } from '@haldane/testkit';
import { after, test } from 'tap';
import type { Desk } from './desk.ts';
import { createApi } from './index.ts';

const database = await startTestDatabase();
after(() => database.stop());
const payments = { service: 'payments', environment: 'test' };

test('a pipeline is held by a regression, let through by those who may, and every word of it is kept', async (t) => {
  const copy = await database.copy();
  const { store } = copy;
  await store.services.register(payments, { team: 'mine', contact: '#mine' });
  const app = createApi({ desk: { store } as unknown as Desk, tokens: [], alertTokens: [], onError: (error) => t.fail(String(error)) });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    await app.close();
    await copy.close();
  });
  const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const as = async (role: Role) => {
    const grants = [{ role, team: 'mine' }];
    const { secret } = await store.tokens.issue({ subject: `the ${role}`, grants, scope: wholeScope, madeBy: 'a test', livesMs: 60_000 });
    return new HaldaneClient({ address, token: secret });
  };
  const stranger = async () => {
    const grants = [{ role: 'admin', team: 'theirs' }] as const;
    const { secret } = await store.tokens.issue({ subject: 'a stranger', grants, scope: wholeScope, madeBy: 'a test', livesMs: 60_000 });
    return new HaldaneClient({ address, token: secret });
  };
  const ended = async (revision: string, verdict: 'resilient' | 'vulnerable', fault = true) => {
    const wanted = sampleRun();
    const run = await store.runs.create({ ...wanted, experiment: { ...wanted.experiment, fault } });
    const claim = await store.runs.claim('a test', 60_000, 0);
    if (claim === null) throw new Error('nothing to claim');
    const mark = { mark: verdict === 'resilient' ? 'yes' : 'no', why: '' };
    const record = { strength: verdict === 'resilient' ? 'none' : 'block', more: { failuresOnly: { logE: 0.5 } } };
    const learned = {
      deployment: { revision },
      verdict: { verdict, held: { mark: 'yes' }, served: mark, noticed: { mark: 'yes' }, record },
    };
    await store.runs.advance(claim.fence, run.version, { to: 'done', learned: learned as unknown as Facts });
    return run.id;
  };
  const [pipeline, admin, owner, viewer] = await Promise.all((['operator', 'admin', 'risk-owner', 'viewer'] as const).map(as));
  if (pipeline === undefined || admin === undefined || owner === undefined || viewer === undefined) return t.fail('who asks?');
  const gate = (revision: string, live?: string) => pipeline.gate(payments, { revision, ...(live === undefined ? {} : { live }) });
  const experiment = sampleRun().experiment.name;

  await ended('old', 'resilient');
  const found = await ended('new', 'vulnerable');
  await ended('new', 'resilient', false);
  t.match(await gate('new'), {
    decision: 'allow',
    why: /in mode block this would be held/,
    live: 'old',
    findings: [{ experiment, mode: 'report', standing: 'regressed', blocks: true, runId: found }],
    record: { blocking: 0 },
  });

  await t.rejects(pipeline.setGateMode(payments, { experiment, mode: 'block', why: 'I want to' }), { code: 'forbidden' });
  t.match(await admin.setGateMode(payments, { experiment, mode: 'block', why: 'agreed' }), {
    mode: 'block',
    debt: false,
    who: 'the admin',
  });
  t.match(await gate('new', 'old'), { decision: 'block', why: /regressed: vulnerable at new, resilient at old/, record: { blocking: 1 } });
  t.match(await gate('old', 'new'), { decision: 'allow', why: /the way back is always open/ });
  t.match(await pipeline.gate({ ...payments, environment: 'live' }, { revision: 'new' }).catch((error: unknown) => error), {
    code: 'forbidden',
  });

  await t.rejects(viewer.breakGlass(payments, 'newer', 'I want to'), { code: 'forbidden' });
  await ended('newer', 'vulnerable');
  t.equal((await gate('newer', 'old')).decision, 'block');
  t.match(await pipeline.breakGlass(payments, 'newer', 'an outage'), { who: 'the operator', revision: 'newer' });
  t.match(await gate('newer', 'old'), { decision: 'allow', why: /the operator broke the glass/ });

  const locked = async (who = viewer) => (await who.lockedRevisions()).map(({ revision }) => revision);
  t.same(await locked(), ['new', 'newer'], 'what was let through is still to be answered for');
  t.same(await viewer.locks(), [], 'a list of locks on services, as older command lines read it');
  await t.rejects(pipeline.resolve(payments, { experiment, revision: 'new', why: 'I want to' }), { code: 'forbidden' });
  t.match(await admin.resolve(payments, { experiment, revision: 'new', why: 'rolled back' }), { who: 'the admin', revision: 'new' });
  t.same(await locked(), ['newer']);
  t.match(await gate('new', 'old'), { decision: 'allow', findings: [{ accepted: { why: 'rolled back', until: null } }] });

  await ended('newest', 'vulnerable');
  t.match((await viewer.lockedRevisions())[1], { ...payments, experiment, revision: 'newest', mode: 'block', says: /regressed/ });
  await t.rejects(admin.acceptRisk(payments, { experiment, lives: 3_600, why: 'I want to' }), { code: 'forbidden' });
  t.match(await owner.acceptRisk(payments, { experiment, lives: 3_600, why: 'known' }), { who: 'the risk-owner', experiment });
  t.match(await gate('newest', 'old'), { decision: 'allow', findings: [{ standing: 'regressed', accepted: { why: 'known' } }] });

  t.same(await locked(), [], 'the risk was accepted');
  t.same(await (await stranger()).lockedRevisions(), []);

  const acts = (await store.audit.read(0, 1_000)).map(({ body }) => JSON.parse(body) as Act);
  const broke = acts.filter(({ did, outcome }) => did === 'breakGlass' && outcome === 'allowed');
  t.match(broke, [{ who: 'the operator', to: 'service payments in test', detail: { revision: 'newer', why: 'an outage' } }]);
});

test('a deploy is told which experiments it needs, and the gate goes by what it was told', async (t) => {
  const copy = await database.copy();
  const { store } = copy;
  const shop = { service: 'shop', environment: 'test' };
  await store.services.register(shop, { team: 'mine', contact: '#mine' });
  const scenarios = () => [{ id: 'touchy', version: 1, touchedBy: ['code'] }];
  const app = createApi({
    desk: { store, scenarios } as unknown as Desk,
    tokens: [],
    alertTokens: [],
    onError: (error) => t.fail(String(error)),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    await app.close();
    await copy.close();
  });
  const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const [pipeline, viewer] = await Promise.all(
    (['operator', 'viewer'] as const).map(async (role) => {
      const grants = [{ role, team: 'mine' }];
      const { secret } = await store.tokens.issue({ subject: `the ${role}`, grants, scope: wholeScope, madeBy: 'a test', livesMs: 60_000 });
      return new HaldaneClient({ address, token: secret });
    }),
  );
  if (pipeline === undefined || viewer === undefined) return t.fail('who asks?');
  const answered = async (name: string, revision: string, commit: string | null = revision) => {
    const wanted = sampleRun();
    const experiment = { ...wanted.experiment, ...shop, name, scenario: { id: 'touchy', params: {} } };
    const run = await store.runs.create({ ...wanted, ...shop, experiment });
    await store.experiments.keep(experiment, 'a test');
    const claim = await store.runs.claim('a test', 60_000, 0);
    if (claim === null) throw new Error('nothing to claim');
    const learned = {
      // A platform that has names of its own, and knows the commit.
      deployment: { revision: `template of ${revision}`, ...(commit === null ? {} : { commit }) },
      plan: { scenarioVersion: 1 },
      restored: { at: run.createdAt + 42_000 },
      verdict: {
        verdict: 'resilient',
        held: { mark: 'yes' },
        served: { mark: 'yes' },
        noticed: { mark: 'yes' },
        record: { strength: 'none' },
      },
    };
    await store.runs.advance(claim.fence, run.version, { to: 'done', learned: learned as unknown as Facts });
    return run.id;
  };
  const first = await answered('keys', 'r1');
  await answered('forged', 'r1');
  t.match(await viewer.verified(shop), [
    { experiment: 'forged', scenario: 'touchy', verified: { revision: 'r1' } },
    { experiment: 'keys', scenario: 'touchy', verified: { revision: 'r1', runId: first, verdict: 'resilient' } },
  ]);
  const since = (touch: 'code' | 'data') => [{ since: 'r1', touched: [{ touch, count: 1, says: ['a file'] }] }];
  t.match(await pipeline.choose(shop, { revision: 'r2', differences: since('data') }), { run: [], later: [], stands: [{}, {}] });
  t.match(await pipeline.gate(shop, { revision: 'r2', live: 'r1' }), {
    findings: [
      { standing: 'passed', says: /forged: resilient at r1 .* nothing that touches it has changed since r1/ },
      { standing: 'passed' },
    ],
  });
  t.match(await pipeline.choose(shop, { revision: 'r3', differences: since('code'), maxMinutes: 1 }), {
    run: [{ experiment: 'forged', seconds: 42, why: /since r1 changed code \(a file\)/ }],
    later: [{ experiment: 'keys' }],
  });
  await answered('forged', 'r3');
  t.match((await pipeline.gate(shop, { revision: 'r3', live: 'r2' })).findings, [{ standing: 'passed' }, { standing: 'put-off' }]);
  t.match(await pipeline.gate(shop, { revision: 'template of r3', live: 'r2' }), {
    revision: 'r3',
    findings: [{ standing: 'passed' }, {}],
  });
  t.match((await pipeline.gate(shop, { revision: 'r4', live: 'r3' })).findings, [{}, { experiment: 'keys', standing: 'owed' }]);
  await answered('forged', 'r9', null);
  await pipeline.gate(shop, { revision: 'r10', live: 'template of r9' });
  t.match(await pipeline.gate(shop, { revision: 'r9' }), { open: null, findings: [{ standing: 'untested' }, {}] });
  await answered('forged', 'r9');
  t.match(
    await pipeline.gate(shop, { revision: 'r9' }),
    { open: 'was-live', findings: [{ standing: 'passed' }, {}] },
    'one that was live under its template’s name, before anybody knew the commit',
  );
  await answered('keys', 'r3');
  t.match((await pipeline.gate(shop, { revision: 'r4', live: 'r3' })).findings, [{}, { experiment: 'keys', standing: 'untested' }]);

  const definition = { experiment: 'new one', scenario: 'touchy', seconds: 30, listens: false };
  t.match(await pipeline.choose(shop, { revision: 'r4', differences: [], experiments: [definition] }), {
    run: [{ experiment: 'new one', seconds: 90, why: /no run of it has an answer/ }],
    stands: [],
  });
  await t.rejects(pipeline.choose(shop, { revision: 'r4', differences: [], experiments: [{ ...definition, scenario: 'gone' }] }), {
    code: 'unknown-id',
    message: /known: touchy/,
  });
  await t.rejects(viewer.choose(shop, { revision: 'r4', differences: [] }), { code: 'forbidden' });
  t.match(await pipeline.cameIn(shop, { experiment: 'keys', good: 'r1', bad: 'r3', why: 'after r1' }), {
    first: null,
    who: 'the operator',
  });
  const told: string[] = [];
  for (let news = await store.outbox.takeNews([null], 60_000); news !== null; news = await store.outbox.takeNews([null], 60_000)) {
    told.push(news.topic);
    if (news.topic === 'came-in') t.match(news.data, { experiment: 'keys', good: 'r1', bad: 'r3', who: 'the operator' });
    await store.outbox.post(news, []);
  }
  t.equal(told.at(-1), 'came-in', 'what a bisect found is news');
});

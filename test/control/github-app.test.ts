import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi, type Desk, gateAnswer } from '@haldane/api';
import { type Act, type Facts, HaldaneError, type Notice, systemClock, type Verdict } from '@haldane/core';
import { egress } from '@haldane/egress';
import { notifiers, readNotify } from '@haldane/notifiers';
import { readGitHubApp } from '@haldane/pipelines';
import { startStack } from '@haldane/standalone';
import { connectionOf, startTestDatabase } from '@haldane/store/testing';
import { sampleNotice, sampleRun } from '@haldane/testkit';
import { after, type Test, test } from 'tap';
import { doormanOf } from '../../services/standalone/src/doorman.ts';
import { gitHubAppOf, gitHubDoor, gitHubHook } from '../../services/standalone/src/github-app.ts';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { type FakeGitHubApp, fakeGitHubApp } from '../testing/fake-github-app.ts';

allowSeconds(240);
const database = await startTestDatabase();
after(() => database.stop());
const sha = 'c'.repeat(40);
const shop = { service: 'payments', environment: 'test' };
const own = 'the token of the house';

/** The App's file over a data folder, and what the process knows of it. */
async function appOver(t: Test, hub: FakeGitHubApp, deploys: string) {
  const dataDir = await mkdtemp(join(tmpdir(), 'haldane-github-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));
  const head = `app: Iv23liHaldane\nprivateKeyEnv: APP_KEY\nwebhookSecretEnv: APP_SECRET\napi: "${hub.address}"\nlink: https://haldane.example\n`;
  await writeFile(join(dataDir, 'haldane.github.yaml'), `${head}deploys:\n${deploys}`);
  return { dataDir, env: { APP_KEY: hub.privateKey.replaceAll('\n', '\\n'), APP_SECRET: hub.webhookSecret } };
}

const ruleOf = (environment: string, more = '') =>
  `  - { repository: Acme/Payments, environment: ${environment}, service: payments, testedIn: test${more} }\n`;

/** An API whose runs end as the test says, and doormen over its database. */
async function house(t: Test, deploys: string) {
  const hub = await fakeGitHubApp();
  t.teardown(() => hub.close());
  const copy = await database.copy();
  const { store } = copy;
  const state = { refusal: null as HaldaneError | null, aheadMs: 0 };
  const clock = { ...systemClock, now: () => Date.now() + state.aheadMs };
  hub.now = clock.now;
  const parts = { ...(await appOver(t, hub, deploys)), clock };
  const desk: Pick<Desk, 'store' | 'create'> = {
    store,
    create: async ({ file, key = null }, permit) => {
      await permit(file.includes('others') ? { service: 'orders', environment: 'test' } : shop, { team: 'mine', contact: '#mine' });
      if (state.refusal !== null) throw state.refusal;
      const run = sampleRun('payments', key);
      return store.runs.create({ ...run, experiment: { ...run.experiment, name: file.replace(/^.*\/|\.yaml$/g, '') } });
    },
  };
  const app = await gitHubAppOf(parts);
  if (app === null) throw new Error('there is no App');
  const fail = (error: unknown) => t.fail(String(error));
  const api = createApi({ desk: desk as Desk, tokens: [own], alertTokens: [], onError: fail, gitHub: gitHubHook(app, store) });
  await api.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    await api.close();
    await copy.close();
  });
  const address = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`;
  const troubles: string[] = [];
  /** A doorman that knows nothing but what is stored, as after a restart. */
  const look = async (afterMs = 60_000) => {
    const app = await gitHubAppOf(parts);
    if (app === null) throw new Error('there is no App');
    await copy.letPass(afterMs);
    const doorman = doormanOf({ store, address, gitHub: app, stages: null, clock, onTrouble: (what) => void troubles.push(what) });
    await doorman.round();
    await doorman.stop();
  };
  const end = async (verdict: Verdict['verdict'], revision = sha) => {
    const claim = await store.runs.claim('a test', 60_000, 0);
    if (claim === null) throw new Error('nothing runs');
    const record = { strength: verdict === 'vulnerable' ? 'block' : 'none', more: { failuresOnly: { logE: 0.5 } } };
    const marks = { held: { mark: 'yes' }, served: { mark: verdict === 'vulnerable' ? 'no' : 'yes' }, noticed: { mark: 'yes' } };
    const learned = {
      deployment: { revision },
      restored: { clean: true, at: 1, stuck: [] },
      verdict: { verdict, headline: `it is <b>${verdict}</b>`, ...marks, record },
    };
    await store.runs.advance(claim.fence, claim.run.version, { to: 'done', learned: learned as unknown as Facts });
  };
  const hook = `${address}/github/webhook`;
  const ask = (deploy: Parameters<FakeGitHubApp['holds']>[0]) => hub.send(hook, 'deployment_protection_rule', hub.holds(deploy));
  const acts = async () => (await store.audit.read(0, 1_000)).map(({ body }) => JSON.parse(body) as Act);
  return { hub, copy, store, app, hook, ask, look, end, acts, state, troubles };
}

test('a deploy that waits at GitHub is answered once, by its experiments and the gate, whoever dies and whatever is down', async (t) => {
  const { hub, copy, store, ask, look, end, acts, troubles } = await house(
    t,
    ruleOf('production', ', experiments: [/etc/haldane/keys-away.yaml, /etc/haldane/second.yaml]'),
  );
  const deploy = { run: 71, deployment: 501, environment: 'production', sha };
  t.same(await ask(deploy), { status: 202, says: 'deployment 501 is looked at' });
  t.same(await ask(deploy), { status: 202, says: 'deployment 501 is looked at already' }, 'GitHub asks twice');
  await look();
  await look();
  t.match(hub.reviews, [
    { run: 71, environment_name: 'production', comment: /experiment 1 of 2, keys-away, on payments in test is under way/ },
  ]);
  await end('resilient');
  hub.hinder = ({ url }) => (url.pathname.endsWith('deployment_protection_rule') ? { status: 502, json: '<html>Unicorn!</html>' } : null);
  await look();
  t.match(troubles, [/answering github:acme\/payments:501/]);
  hub.hinder = () => 'break';
  await look();
  t.equal(hub.reviews.length, 1, 'nobody was there');
  await copy.letPass(60_000);
  hub.hinder = () => null;
  await look();
  t.match(hub.reviews.slice(1), [{ comment: /experiment 2 of 2, second/ }]);
  t.equal((await store.runs.list(10)).length, 2, 'each experiment has one run');
  await end('resilient');
  // Decided, but not told: the answer is kept.
  hub.hinder = ({ url }) => (url.pathname.endsWith('deployment_protection_rule') ? 'break' : null);
  await look();
  await copy.letPass(60_000);
  hub.hinder = () => null;
  for (const [token, made] of hub.tokens) hub.tokens.set(token, { ...made, until: 0 });
  await look();
  await look();
  t.match(hub.reviews.slice(2), [{ run: 71, state: 'approved', comment: /^\*\*Haldane: goes on\*\*/ }]);
  t.match(
    hub.reviews[2]?.comment,
    /keys-away: PASSED, it is \\<b\\>resilient\\<\/b\\> \(\[report\]\(https:\/\/haldane\.example\/v1\/runs\/[^)]*format=html\)\)/,
  );
  t.match(await ask(deploy), { status: 202, says: /already/ });
  await look();
  t.equal(hub.reviews.length, 3);
  t.equal((await store.gate.entries(shop, 'ask')).length, 1, 'the gate was asked once');
  const did = (await acts()).filter(({ did }) => did.endsWith('Deploy'));
  t.match(did, [
    { who: 'GitHub: acme/payments', did: 'holdDeploy', to: 'service payments in test', detail: { revision: sha } },
    { did: 'holdDeploy', detail: { deploy: 'github:acme/payments:501' } },
    { who: 'Haldane', did: 'answerDeploy', outcome: 'allowed', detail: { deployment: 501, state: 'approved' } },
    { did: 'holdDeploy' },
  ]);
  t.match(
    (await acts()).find((one) => one.did === 'beginStage'),
    { who: 'GitHub: acme/payments production', outcome: 'allowed' },
  );
  const everything = await copy.dump();
  for (const secret of [hub.webhookSecret, ...hub.tokens.keys(), ...hub.privateKey.split('\n').slice(1, 3)])
    t.notOk(everything.includes(secret), 'no secret is stored');
});

test('what GitHub takes no word of is over, what the App may not is tried again, and what was given up can be asked for again', async (t) => {
  const { hub, copy, store, ask, look, acts } = await house(t, ruleOf('production'));
  const rows = () => copy.query('select state, why from held_deploys order by id');
  const answers = async () => (await acts()).filter(({ did }) => did === 'answerDeploy');
  const deploy = { run: 1, deployment: 1, environment: 'production', sha };
  await ask(deploy);
  hub.hinder = ({ url }) =>
    url.pathname.endsWith('access_tokens') ? { status: 422, json: { message: 'The permissions requested are not granted' } } : null;
  await look();
  await look();
  t.match(await rows(), [{ state: 'waiting', why: /permissions requested are not granted/ }], 'its owner may give the App the right');
  t.same(await answers(), [], 'without a login nobody knows what is live, and nothing is decided');
  await copy.query(`update held_deploys set held_at = held_at - interval '31 days'`);
  await copy.letPass(60_000);
  await look();
  t.match(await rows(), [{ state: 'given-up' }]);
  hub.hinder = () => null;
  t.match(await ask(deploy), { status: 202, says: 'deployment 1 is looked at' }, 'Redeliver takes it up again');
  // Told, and nobody lived to say so.
  hub.hinder = ({ url }) => (url.pathname.endsWith('deployment_protection_rule') ? 'break-after' : null);
  await look();
  t.match((await answers()).at(-1), { outcome: 'allowed', detail: { state: 'approved' } }, 'written down, whatever became of telling it');
  await copy.letPass(60_000);
  hub.hinder = () => null;
  await look();
  t.match(await rows(), [{ state: 'answered', why: /^approved: .*\(GitHub answered .*422: No pending deployment requests/s }]);
  t.equal(hub.reviews.length, 1);
  t.notOk(
    (await answers()).slice(1).some(({ outcome }) => outcome === 'failed'),
    'the log never says the contrary',
  );
  const made = (await acts()).filter(({ did }) => did === 'makeToken' || did === 'revokeToken');
  t.match(made.slice(0, 2), [
    { who: 'Haldane', did: 'makeToken', to: 'a token for GitHub: acme/payments production: service payments in test' },
    { who: 'Haldane', did: 'revokeToken' },
  ]);
  t.ok(
    (await store.tokens.list(100)).every(({ revokedAt }) => revokedAt !== null),
    'its rights end with the doorman',
  );
});

test('strangers keep nobody out who signs, and do not fill the audit log', async (t) => {
  const { hub, hook, acts, ask } = await house(t, ruleOf('production'));
  const forge = () => hub.send(hook, 'ping', {}, 'guessed').then(({ status }) => status);
  const statuses: number[] = [];
  while (!statuses.includes(429) && statuses.length < 5_000) statuses.push(...(await Promise.all(Array.from({ length: 20 }, forge))));
  t.same([...new Set(statuses)].sort(), [401, 429]);
  t.match(await ask({ run: 1, deployment: 1, environment: 'production', sha }), { status: 202 }, 'from the same address');
  const refused = (await acts()).filter(({ did, outcome }) => did === 'receiveFromGitHub' && outcome === 'refused');
  t.ok(refused.length >= 1 && refused.length <= 5, 'once a minute');
});

test('only the gate rejects; an experiment without an answer is what the rule says, and never silent', async (t) => {
  const file = ', experiments: [/x/keys-away.yaml]';
  const rules = [
    ruleOf('approves', file),
    ruleOf('waits', `${file}, inconclusive: wait`),
    ruleOf('rejects', `${file}, inconclusive: reject`),
    ruleOf('asks'),
  ];
  const { hub, store, ask, look, end } = await house(t, rules.join(''));
  let deployment = 1;
  const answered = async (environment: string, verdict: Verdict['verdict'] | null, revision: string) => {
    deployment += 1;
    await ask({ run: deployment, deployment, environment, sha: revision });
    await look();
    if (verdict !== null) await end(verdict, revision);
    await look();
    const { state, comment = '' } = hub.reviews.at(-1) ?? {};
    return `${state}: ${comment}`;
  };
  t.match(
    await answered('approves', 'inconclusive', sha),
    /^approved: \*\*Haldane: NOT PROVEN, and let through\*\*\n\nNo answer of keys-away/,
  );
  t.match(await answered('waits', 'inconclusive', sha), /^undefined: \*\*Haldane: NOT PROVEN: it waits for a person\*\*/);
  t.match(await answered('rejects', 'inconclusive', sha), /^rejected: \*\*Haldane: NOT PROVEN, and held\*\*/);
  const elsewhere = 'd'.repeat(40);
  await ask({ run: 90, deployment: 90, environment: 'approves', sha: elsewhere });
  await look();
  await end('resilient', sha);
  await look();
  t.match(
    hub.reviews.at(-1)?.comment,
    /NOT PROVEN.*keys-away: PASSED ON ANOTHER REVISION \(c{40}\)/s,
    'what was found elsewhere says nothing here',
  );
  t.match(await answered('approves', 'resilient', 'a'.repeat(40)), /^approved: \*\*Haldane: goes on\*\*/);
  const bad = 'b'.repeat(40);
  t.match(
    await answered('approves', 'vulnerable', bad),
    /^approved: .*\n\nGate \(allow\): mode report; in mode block this would be held: .*regressed/s,
  );
  await store.gate.note(shop, { kind: 'mode', experiment: 'keys-away', mode: 'block', debt: false, why: 'agreed' }, 'ann');
  t.match(
    await answered('approves', 'vulnerable', bad),
    /^rejected: \*\*Haldane: held\*\*\n\n.*break-glass payments test b{40}.*regressed: vulnerable at b/s,
  );
  t.match(await answered('asks', null, bad), /^rejected: \*\*Haldane: held\*\*/, 'a rule without experiments asks the gate at once');
  await store.gate.note(shop, { kind: 'break-glass', revision: bad, why: 'an outage' }, 'ann');
  t.match(await answered('asks', null, bad), /^approved: .*ann broke the glass/s);
  for (const { comment = '' } of hub.reviews) t.ok(comment.length <= 1_024);

  const runs = (await store.runs.list(100)).length;
  t.match(
    await answered('rejects', null, bad),
    /^approved: \*\*Haldane: goes on\*\*.*ann broke the glass/s,
    'no rule is above broken glass',
  );
  const [before, later] = ['e'.repeat(40), 'f'.repeat(40)];
  hub.deployments = [
    { id: 13, environment: 'rejects', sha: bad, state: 'waiting' },
    { id: 12, environment: 'rejects', sha: before, state: 'success' },
    { id: 11, environment: 'approves', sha: later, state: 'success' },
  ];
  t.match(await answered('rejects', null, before), /^approved: .*e{40} is live already/s);
  t.equal((await store.runs.list(100)).length, runs, 'nothing was run for these');
  hub.deployments = [{ id: 14, environment: 'rejects', sha: later, state: 'success' }];
  t.match(await answered('waits', null, before), /^approved: .*e{40} was live before: the way back is always open/s, 'as GitHub said');
});

test('an experiment that cannot begin is waited for, half an hour long; what is wrong with the rule is said at once', async (t) => {
  const { hub, ask, look, state, acts } = await house(
    t,
    ruleOf('production', ', experiments: [/x/keys-away.yaml]') + ruleOf('wrong', ', experiments: [/x/others.yaml]'),
  );
  state.refusal = new HaldaneError('service-taken', 'payments in test is taken by `run` @ann');
  await ask({ run: 1, deployment: 1, environment: 'Production', sha });
  for (let n = 0; n < 3; n += 1) await look();
  const tries = async () => (await acts()).filter(({ did }) => did === 'beginStage').length;
  const before = await tries();
  t.ok(before >= 3);
  await look(5_000);
  t.equal(await tries(), before, 'not tried again so soon');
  t.match(
    hub.reviews,
    [{ environment_name: 'Production', comment: /cannot begin yet: payments in test is taken by \\`run\\` @\u200bann/ }],
    'said once, and as words',
  );
  for (let n = 0; n < 12; n += 1) {
    state.refusal = new HaldaneError('refused', `reason ${n}`);
    await look();
  }
  t.equal(hub.reviews.length, 9, 'GitHub takes ten words');
  state.aheadMs = 1_800_000;
  await look();
  t.match(hub.reviews.at(-1), { state: 'approved', comment: /NOT PROVEN.*keys-away: did not begin: reason 11/s });
  state.refusal = null;
  await ask({ run: 2, deployment: 2, environment: 'wrong', sha });
  await look();
  t.match(
    hub.reviews.at(-1),
    { run: 2, state: 'approved', comment: /NOT PROVEN.*may not run for orders in test/s },
    'a rule reaches its own service alone',
  );
});

test('what GitHub did not sign opens nothing, and what it did is for declared repositories and its own API alone', async (t) => {
  const { hub, store, hook, acts } = await house(t, ruleOf('production'));
  const good = hub.holds({ run: 1, deployment: 1, environment: 'production', sha });
  const rule = 'deployment_protection_rule';
  t.match(await hub.send(hook, rule, good, 'another secret'), { status: 401, says: /not signed by GitHub/ });
  for (const signature of [undefined, '', 'sha256=', `sha1=${'a'.repeat(40)}`, `sha256=${'é'.repeat(64)}`.slice(0, 7)]) {
    const headers = {
      'content-type': 'application/json',
      'x-github-event': rule,
      ...(signature === undefined ? {} : { 'x-hub-signature-256': signature }),
    };
    t.equal((await fetch(hook, { method: 'POST', headers, body: JSON.stringify(good) })).status, 401);
  }
  t.match(await hub.send(hook, 'ping', { zen: 'Keep it logically awesome.', hook_id: 1 }), { status: 202, says: 'heard' });
  t.match(await hub.send(hook, 'check_suite', { action: 'requested' }), { status: 202, says: 'nothing is done about check_suite' });
  t.match(await hub.send(hook, rule, { ...good, action: 'imagined' }), { status: 202, says: /nothing is done/ });
  for (const elsewhere of [
    'https://evil.example/repos/acme/payments/actions/runs/1/deployment_protection_rule',
    `${hub.address}/repos/acme/orders/actions/runs/1/deployment_protection_rule`,
    `${hub.address}/repos/acme/payments/actions/runs/1/deployment_protection_rule/x`,
    `${hub.address}/repos/acme/payments/actions/runs/../../../x/deployment_protection_rule`,
    `${hub.address}/repos/acme/payments/actions/runs/1/deployment_protection_rule?x=1`,
    hub.address.replace('http://', 'http://me:too@'),
    'no address',
  ])
    t.match(
      await hub.send(hook, rule, { ...good, deployment_callback_url: elsewhere }),
      { status: 403, says: /wanted at another place/ },
      elsewhere,
    );
  t.match(await hub.send(hook, rule, { ...good, environment: 'staging' }), {
    status: 404,
    says: /no rule for deploys of acme\/payments to staging/,
  });
  t.match(await hub.send(hook, rule, { ...good, deployment: { id: 1, sha: 'main' } }), { status: 400, says: /deployment\.sha/ });
  t.match(await hub.send(hook, rule, 'payload=%7B%7D'), { status: 400, says: /no JSON/ });
  t.equal((await hub.send(hook, rule, { ...good, pull_requests: ['x'.repeat(1_000_000)] })).status, 202, 'pull requests come whole');
  t.equal((await hub.send(hook, rule, { ...good, pull_requests: ['x'.repeat(5_000_000)] })).status, 413);
  t.match(await store.deploys.take(['acme/payments production'], 1), { id: 'github:acme/payments:1', asked: { run: 1, revision: sha } });
  t.equal(
    await store.deploys.take(['acme/payments production'], 1_000_000).then(() => store.deploys.take(['acme/payments production'], 1)),
    null,
  );
  t.ok(
    (await acts()).some(({ did, code }) => did === 'receiveFromGitHub' && code === 'unauthorised'),
    'a forgery is in the audit log',
  );
});

test('each experiment is one check run of the commit, which goes on with its run and ends as the gate says', async (t) => {
  const { hub, store, app, end } = await house(t, ruleOf('production'));
  const host = new URL(hub.address).host;
  const lines = `[{ name: repo, by: github, repository: acme/payments, checks: true }]`;
  const notify = readNotify(`allow: ["${host}"]\nreceivers: ${lines}\ntell: [{ receivers: [repo] }]\n`, 'haldane.notify.yaml');
  const door = gitHubDoor(app, {
    gate: (service, revision) => gateAnswer({ store }, service, revision, null),
    report: async (id) => (id === 'r1' ? '# Resilient: keys-away' : null),
  });
  const parts = { env: {}, egress: egress(notify.allow), clock: systemClock };
  t.throws(() => notifiers(notify, parts), { code: 'bad-document', message: /names no tokenEnv, and there is no haldane\.github\.yaml/ });
  const told = notifiers(notify, { ...parts, gitHubApp: door }).get('repo');
  const tell = async (more: Partial<Notice>) => {
    const about = { topic: 'verdict', ...shop, runId: 'r1', at: 0 } as const;
    const notice = { ...sampleNotice(about), experiment: 'keys-away', revision: sha, link: 'https://haldane.example/r1', ...more };
    await told?.deliver({ id: 'n1.repo', receiver: 'repo', notice, tries: 1, madeAt: 0 }, AbortSignal.timeout(60_000));
  };
  const judged = async (verdict: Verdict['verdict'], revision = sha) => {
    await store.runs.create(sampleRun('payments'));
    await end(verdict, revision);
  };
  hub.hinder = ({ url }) => (url.pathname.endsWith('access_tokens') ? { status: 422, json: { message: 'not granted' } } : null);
  await t.rejects(tell({ topic: 'started' }), { code: 'denied', message: /not granted/ }, 'a right that is missing is no commit that is');
  hub.hinder = () => null;
  await tell({ topic: 'started', headline: 'it begins', lines: ['<b>@ann'] });
  await tell({ topic: 'stopped', headline: 'it is stopped' });
  t.match(hub.checks, [
    { name: 'Haldane: keys-away on payments (test)', head_sha: sha, status: 'in_progress', output: { title: 'it is stopped' } },
  ]);
  const [ours] = hub.checks;
  if (ours === undefined) return t.fail('there is no check run');
  // Another App's, that looks like ours and comes first.
  hub.checks.unshift({ ...ours, id: 1, app: { id: 7, client_id: 'Iv23liOther', slug: 'other' } });
  await judged('resilient');
  await tell({ headline: 'it ended without an answer', verdict: 'inconclusive' });
  t.match(ours, { status: 'completed', conclusion: 'neutral' }, 'what an earlier run proved is not this one');
  await tell({ headline: 'x'.repeat(400), verdict: 'resilient' });
  t.match(ours, { status: 'completed', conclusion: 'success', details_url: 'https://haldane.example/r1' });
  t.match(ours.output?.summary, /^\*\*Gate:\*\* mode report: keys-away: resilient at c{40} \(run [^)]*\)\n\n# Resilient: keys-away$/);
  t.equal(hub.checks.length, 2, 'written anew, and not repeated');
  t.equal(hub.checks[0]?.status, 'in_progress', "nobody else's is touched");

  const bad = 'b'.repeat(40);
  await judged('vulnerable', bad);
  await tell({ revision: bad, runId: 'r2' });
  t.match(
    hub.checks[2],
    { head_sha: bad, conclusion: 'neutral', output: { summary: /regressed: vulnerable at b{40}.*\n\n- one\n- two$/s } },
    'mode report holds nothing',
  );
  await store.gate.note(shop, { kind: 'mode', experiment: 'keys-away', mode: 'block', debt: false, why: 'agreed' }, 'ann');
  await tell({ revision: bad });
  t.match(hub.checks[2], { conclusion: 'failure' });
  await tell({ revision: 'd'.repeat(40) });
  t.match(hub.checks[3], { conclusion: 'neutral', output: { summary: /not run at d{40}/ } }, 'what nobody knows is not green');
  t.equal((await store.gate.entries(shop, 'ask')).length, 0, 'nobody asked the gate');
});

test('the documented file is a good one, and a bad key or a missing secret is said without a word of it', async (t) => {
  const page = await readFile(new URL('../../docs/github-app.md', import.meta.url), 'utf8');
  const [, shown = ''] = /```yaml\n(app:[\s\S]*?)```/.exec(page) ?? [];
  t.match(readGitHubApp(shown, 'docs/github-app.md'), { deploys: [{ repository: 'acme/payments', inconclusive: 'approve' }] });
  const hub = await fakeGitHubApp();
  t.teardown(() => hub.close());
  const { dataDir, env } = await appOver(t, hub, ruleOf('production'));
  const open = (more: Record<string, string>) => gitHubAppOf({ dataDir, env: { ...env, ...more }, clock: systemClock });
  await t.rejects(open({ APP_SECRET: '' }), { code: 'bad-document', message: /APP_SECRET is not set/ });
  const broken = await open({ APP_KEY: 'hush-hush' }).catch((error: unknown) => error as Error);
  t.match(broken, { code: 'bad-document', message: /APP_KEY holds no private key/ });
  t.notMatch(String(broken), /hush/);
  t.throws(() => readGitHubApp(`${shown}\n${shown.slice(shown.indexOf('  - repository'))}`, 'x'), {
    code: 'bad-document',
    message: /have a rule already/,
  });
  t.equal(await gitHubAppOf({ dataDir: join(dataDir, 'none'), env, clock: systemClock }), null);
});

test('a Haldane that is started over a data folder with an App answers what waited while it was away', async (t) => {
  const hub = await fakeGitHubApp();
  t.teardown(() => hub.close());
  const { dataDir, env } = await appOver(t, hub, ruleOf('production'));
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const { user, password, database: name, host, port } = connectionOf(copy.address);
  const databaseUrl = `postgres://${user}:${password}@/${name}?host=${encodeURIComponent(host)}&port=${port}`;
  const start = () => startStack({ dataDir, databaseUrl, port: 0, env, ephemeral: false });
  hub.hinder = () => 'break';
  const first = await start();
  const hook = `${first.access.address}/github/webhook`;
  const heard = await hub.send(hook, 'deployment_protection_rule', hub.holds({ run: 9, deployment: 9, environment: 'production', sha }));
  await first.stop();
  t.match(heard, { status: 202 });
  t.same(hub.reviews, []);
  hub.hinder = () => null;
  await copy.letPass(3_600_000);
  const second = await start();
  for (const until = Date.now() + 60_000; hub.reviews.length === 0 && Date.now() < until; ) await systemClock.sleep(50);
  await second.stop();
  t.match(hub.reviews, [{ run: 9, state: 'approved', comment: /no experiment was run on payments in test yet/ }]);
});

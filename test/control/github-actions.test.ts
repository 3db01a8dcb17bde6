import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createApi, type Desk } from '@haldane/api';
import { HaldaneClient } from '@haldane/client';
import { type Facts, type Run, wholeScope } from '@haldane/core';
import { sampleExperiment } from '@haldane/testkit';
import { OAuth2Server } from 'oauth2-mock-server';
import { test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { githubParser } from '../testing/github-parser.ts';
import { type Ended, githubStep } from '../testing/github-runner.ts';
import { writeHistory } from '../testing/revisions.ts';
import { roomWithDatabase } from '../testing/room-with-database.ts';

/* The committed bundle of the action as GitHub's runner starts it, against the real API, its logins and its database. What drives a run is this test. */

allowSeconds(240);
const { room, copy } = await roomWithDatabase();
const { store } = copy;
const payments = { service: 'payments', environment: 'test', owner: { team: 'payments', contact: '#payments' } };
await store.services.register(payments, payments.owner);

const issuer = new OAuth2Server();
await issuer.issuer.keys.generate('RS256');
await issuer.start(0, '127.0.0.1');
room.onLeave(() => issuer.stop());
let logins = 0;
/** Where GitHub gives a job its login. */
const github = createServer((request, response) => {
  const url = new URL(request.url ?? '', 'http://127.0.0.1');
  if (request.headers.authorization !== 'Bearer of-the-job') return void response.writeHead(401).end('{}');
  logins += 1;
  const claims = {
    aud: url.searchParams.get('audience'),
    sub: 'repo:acme/payments:ref:refs/heads/main',
    repository: 'acme/payments',
    jti: `${logins}`,
  };
  void issuer.issuer
    .buildToken({ expiresIn: 300, scopesOrTransform: (_header, payload) => Object.assign(payload, claims) })
    .then((value) => response.end(JSON.stringify({ value })));
});
github.listen(0, '127.0.0.1');
await once(github, 'listening');
room.onLeave(async () => void github.close());
const addressOf = (server: { address(): unknown }) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const sample = sampleExperiment();
/** Files that are chosen among hold experiments of their own names, and are run more than once. */
const isAmong = (file: string) => file.startsWith('among-');
const words = { title: '', when: '', expects: '', undo: '', detection: '' };
let made = 0;
const desk = {
  store,
  scenarios: () => [{ ...words, id: sample.scenario.id, version: 1, touchedBy: ['code'] }],
  async define(file, permit) {
    const { owner, ...mine } = payments;
    const service = file === 'ledger' ? { service: 'ledger', environment: 'test' } : mine;
    await permit(service, owner);
    return { ...service, experiment: file, scenario: sample.scenario.id, seconds: 90, listens: false };
  },
  async create({ file, key = null, by, unattended }, permit) {
    await permit(payments, payments.owner);
    const { service, environment } = payments;
    made += 1;
    return store.runs.create({
      id: isAmong(file) ? `run-${file}-${made}` : `run-${file}`,
      service,
      environment,
      experiment: { ...sample, service, environment, ...(isAmong(file) ? { name: file } : {}) },
      key,
      ...(by === undefined ? {} : { by }),
      ...(unattended === undefined ? {} : { unattendedMs: unattended * 1000 }),
    });
  },
  report: async (run: Run, format: string) => `${format} of ${run.id}`,
} as Partial<Desk> as Desk;
const app = createApi({
  desk,
  tokens: ['of-the-house'],
  alertTokens: [],
  onError: () => undefined,
  trust: [
    {
      issuer: issuer.issuer.url as string,
      audience: 'haldane',
      claims: { repository: 'acme/payments' },
      grants: [{ role: 'operator', team: 'payments' }],
      scope: wholeScope,
      livesMs: 60_000,
    },
  ],
});
await app.listen({ host: '127.0.0.1', port: 0 });
room.onLeave(() => app.close());
const server = addressOf(app.server);
const house = new HaldaneClient({ address: server, token: 'of-the-house' });

const job = {
  GITHUB_REPOSITORY_ID: '17',
  GITHUB_RUN_ID: '4711',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_JOB: 'canary',
  ACTIONS_ID_TOKEN_REQUEST_URL: `${addressOf(github)}/login?api=1`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
};
const start = (inputs: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = job) =>
  githubStep(room.folder, { server, audience: 'haldane', ...inputs }, env);
const post = async (inputs: Readonly<Record<string, string>>, { state }: Pick<Ended, 'state'>) =>
  (await githubStep(room.folder, { server, audience: 'haldane', ...inputs }, job, state)).ended;
/** Ends the one run that is open, as a runner does. */
const end = async (verdict: 'resilient' | 'vulnerable' | null, headline = 'in one sentence', revision = 'any') => {
  const claim = await store.runs.claim('a test', 60_000, 0);
  if (claim === null) throw new Error('no run is open');
  const mark = { mark: verdict === 'resilient' ? 'yes' : 'no' };
  const record = { strength: verdict === 'resilient' ? 'none' : 'block', more: { failuresOnly: { logE: 0 } } };
  const judged = { verdict, headline, held: { mark: 'yes' }, served: mark, noticed: { mark: 'yes' }, record };
  const restored = { at: 1, clean: true, stuck: [], superseded: [] };
  const learned = { deployment: { revision }, plan: { scenarioVersion: 1 }, restored, ...(verdict === null ? {} : { verdict: judged }) };
  const stop = verdict === null ? { reason: 'operator' as const, why: claim.run.abortAsked ?? '', at: 1 } : undefined;
  await store.runs.advance(claim.fence, claim.run.version, { to: 'done', learned: learned as unknown as Facts, ...(stop ? { stop } : {}) });
};
const commands = (log: string) => log.split('\n').filter((line) => /^\s*::/.test(line) && !line.startsWith('::add-mask::'));

test('a job logs in by what GitHub signs, its run is shown to its end, and outputs, summary and JUnit are written', async (t) => {
  const inputs = { experiment: 'whole', junit: 'out/haldane.xml', mode: 'block' };
  const step = await start(inputs);
  await step.said(/haldane: planning/);
  // What the login opened runs out, as it does in a run of hours.
  await copy.query("update tokens set expires_at = now() - interval '1 minute'");
  const before = logins;
  await end('resilient', 'nobody noticed\n::error::pwned ##[error]pwned');
  const ended = await step.ended;
  t.equal(ended.code, 0);
  t.ok(logins > before, 'it logged in again');
  t.same(ended.outputs, {
    'run-id': 'run-whole',
    report: `${server}/v1/runs/run-whole/report?format=html`,
    status: 'PASSED',
    verdict: 'resilient',
  });
  t.equal(ended.summary, 'markdown of run-whole\n');
  t.equal(await readFile(join(step.folder, 'out/haldane.xml'), 'utf8'), 'junit of run-whole');
  t.same(
    commands(ended.log).map((line) => line.split(' ')[0]),
    ['::notice'],
    'words from outside are no commands',
  );
  t.notMatch(ended.log, /##\[/);
  const secrets = ended.log.split('\n').filter((line) => line.startsWith('::add-mask::'));
  t.equal(secrets.length, 4, 'two logins and what they opened');
  for (const secret of secrets.map((line) => line.slice('::add-mask::'.length)))
    t.equal(ended.log.split(secret).length, 2, 'a secret is said once, to be masked');
  t.equal((await post(inputs, ended)).code, 0);
  t.equal((await house.run('run-whole')).abortAsked, null, 'the post step of a run that has ended does nothing');
});

test('a vulnerable service fails a step that blocks, and is only seen by one that reports', async (t) => {
  for (const [mode, code, level] of [
    ['block', 1, 'error'],
    ['report', 0, 'warning'],
  ] as const) {
    const step = await start({ experiment: `vulnerable-${mode}`, name: mode, mode });
    await step.said(/haldane: planning/);
    await end('vulnerable');
    const ended = await step.ended;
    t.match(ended, { code, outputs: { status: 'VULNERABLE', verdict: 'vulnerable' } });
    t.match(commands(ended.log), [`::${level} title=Haldane%3A VULNERABLE::in one sentence`]);
  }
});

test('a verdict stands also where its report cannot be had, as with a token that is too narrow for it', async (t) => {
  const scope = { ...wholeScope, operations: ['beginStage', 'getStage', 'abortStage'] };
  const grants = [{ role: 'operator', team: 'payments' }] as const;
  const { secret } = await store.tokens.issue({ subject: 'ci', grants, scope, madeBy: 'a test', livesMs: 600_000 });
  const step = await start({ experiment: 'narrow', name: 'narrow', mode: 'block', token: secret });
  await step.said(/haldane: planning/);
  await end('resilient');
  const ended = await step.ended;
  t.match(ended, { code: 0, outputs: { status: 'PASSED' }, summary: '' });
  t.match(commands(ended.log), [/^::warning title=Haldane::the report cannot be had here/, /^::notice title=Haldane%3A PASSED/]);
});

test('a cancelled job stops its run before its runner loses patience, and the post step may say so again', async (t) => {
  const inputs = { experiment: 'cancelled', name: 'cancelled' };
  const step = await start(inputs);
  await step.said(/haldane: planning/);
  step.cancel();
  const ended = await step.ended;
  t.match(ended, { code: 1, signal: null }, 'it ended by itself');
  t.equal((await house.run('run-cancelled')).abortAsked, 'the job was cancelled');
  t.match(await post(inputs, ended), { code: 0, log: /run run-cancelled is told to stop/ });
  await end(null);
  t.match(await house.stage(ended.state['ref'] ?? ''), { status: 'ABORTED' });
});

test('a runner that is lost leaves no run behind: the post step ends it, and where there is none, silence does', async (t) => {
  const inputs = { experiment: 'lost', name: 'lost' };
  const step = await start(inputs);
  await step.said(/haldane: planning/);
  step.lose();
  const ended = await step.ended;
  t.equal(ended.signal, 'SIGKILL');
  const claim = await store.runs.claim('a test', 600_000, 0);
  if (claim === null) return t.fail('no run is open');
  await copy.letPass(121_000);
  await store.runs.renew(claim.fence, 60_000);
  t.match((await house.run('run-lost')).abortAsked, /nobody asked after it for 120 s/);
  await store.runs.advance(claim.fence, claim.run.version, { to: 'done' });

  // Its step was lost before Haldane heard of it; the post step is heard first.
  const late = { experiment: 'late', name: 'late' };
  const ref = (ended.state['ref'] ?? '').replace(/lost$/, 'late');
  t.match(await post(late, { state: { main: 'yes', ref } }), { code: 0, log: /no run has begun/ });
  const begun = await start(late);
  await begun.said(/haldane: planning/);
  t.equal((await house.run('run-late')).abortAsked, 'the step ended before its run', 'it is to end before anything is made');
  await end(null);
  t.match(await begun.ended, { code: 1, outputs: { status: 'ABORTED' } });
});

test('what cannot be done is said, and starts nothing', async (t) => {
  const before = (await house.runs(100)).length;
  const { ACTIONS_ID_TOKEN_REQUEST_URL: _url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: _token, ...fork } = job;
  for (const [inputs, says, env] of [
    [{ experiment: 'x' }, /a pull request from a fork gets none/, fork],
    [{ experiment: 'x', token: 'forged' }, /::error title=Haldane::/, job],
    [{ experiment: 'x', audience: 'another' }, /this login opens nothing/, job],
    [{ experiment: 'x', mode: 'Block' }, /mode: "Block" is none; write report or block/, job],
    [{ experiment: 'x', name: 'a/b' }, /name: "a\/b" stands in an address/, job],
    [{}, /experiment: name an experiment to run, experiments to choose among, or a service/, job],
    [{ service: 'payments' }, /revision: the gate is asked of a service and a revision/, job],
    [{ experiment: 'x', experiments: 'y' }, /leave it or experiment out/, job],
    [{ experiments: 'y', 'max-minutes': 'soon' }, /max-minutes: "soon" is no whole number/, job],
    [{ experiment: 'x', path: 'services' }, /path: it is for choosing/, job],
    [{ experiments: 'among-a\nledger' }, /among-a is of payments in test, and ledger of ledger in test/, job],
    [{ experiments: 'among-a\namong-a' }, /is called among-a like another one/, job],
    [{ experiment: 'x', server: 'http://haldane.example' }, /server: "http:\/\/haldane.example" should be an https address/, job],
  ] as const) {
    const ended = await (await start(inputs, env)).ended;
    t.equal(ended.code, 1);
    t.match(ended.log, says);
    t.notMatch(ended.log, /at .*\(.*:\d+:\d+\)/, 'no stack');
  }
  t.equal((await house.runs(100)).length, before);
});

test('the gate is asked, and a Haldane that does not answer holds only where that is written', async (t) => {
  const question = { service: 'payments', environment: 'test', revision: 'new', live: 'old' };
  t.match(await (await start(question)).ended, { code: 0, outputs: { gate: 'allow' } });
  await house.setGateMode(payments, { experiment: 'keys-away', mode: 'block', why: 'agreed' });
  const old = await start({ experiment: 'old', name: 'old' });
  await old.said(/haldane: planning/);
  await end('resilient', 'well', 'old');
  await old.ended;
  const regressed = await start({ ...question, experiment: 'new', name: 'new' });
  await regressed.said(/haldane: planning/);
  await end('vulnerable', 'badly', 'new');
  const held = await regressed.ended;
  t.match(held, { code: 1, outputs: { status: 'VULNERABLE', gate: 'block' } }, 'the experiment only reports, and the gate holds');
  t.match(commands(held.log).at(-1), /^::error title=Haldane's gate%3A block::.*regressed: vulnerable at new, resilient at old/);
  const nobody = { ...question, server: 'http://127.0.0.1:1', token: 'any' };
  t.match(await (await start(nobody)).ended, { code: 0, outputs: { gate: 'not-asked' }, log: /GATE NOT ASKED.*goes on unchecked/ });
  t.match(await (await start({ ...nobody, 'if-unreachable': 'block' })).ended, { code: 1, log: /GATE NOT ASKED.*is held/ });
});

test('of several experiments those are run that the change needs, and what does not fit is put off', async (t) => {
  const { folder, commits } = await writeHistory(join(room.folder, 'checkout'));
  const [first = '', page = '', tidier = ''] = commits;
  const inputs = { experiments: 'among-a\n  among-b\n', name: 'choice', mode: 'block', junit: 'out/h.xml' };
  const at = (GITHUB_SHA: string, GITHUB_WORKSPACE = folder) => ({ ...job, GITHUB_RUN_ID: GITHUB_SHA, GITHUB_SHA, GITHUB_WORKSPACE });
  const begun = async (step: Awaited<ReturnType<typeof start>>, file: string) => {
    await step.said(new RegExp(`run run-${file}-\\d+: `));
    return (await house.runs(1))[0]?.id ?? '';
  };

  const unknown = await start(inputs, at(first));
  const [a, b] = [await begun(unknown, 'among-a'), await end('resilient', 'well', first).then(() => begun(unknown, 'among-b'))];
  await end('resilient', 'well', first);
  const both = await unknown.ended;
  t.match(both, {
    code: 0,
    outputs: { status: 'PASSED', verdict: 'resilient', 'put-off': '' },
    log: /run: among-a: no run of it has an answer/,
  });
  for (const [name, id] of [
    ['a', a],
    ['b', b],
  ] as const)
    t.equal(await readFile(join(unknown.folder, `out/h-among-${name}.xml`), 'utf8'), `junit of ${id}`);
  t.ok(both.summary.includes(`markdown of ${a}\nmarkdown of ${b}\n`), both.summary);

  const documents = await (await start(inputs, at(page))).ended;
  t.match(documents, { code: 0, outputs: { 'run-id': a, status: 'PASSED', verdict: 'resilient' } });
  t.match(documents.log, new RegExp(`stands: among-b: its evidence of ${first} stands`));
  t.equal((await house.runs(1))[0]?.id, b, 'nothing was run');

  // Each takes a minute and a half and one for what is around it: one fits.
  const short = await start({ ...inputs, 'max-minutes': '3' }, at(tidier));
  await begun(short, 'among-a');
  await end('vulnerable', 'badly', tidier);
  const held = await short.ended;
  t.match(held, { code: 1, outputs: { status: 'VULNERABLE', 'put-off': 'among-b' }, log: /changed code \(program\.mjs\)/ });
  t.match(
    commands(held.log).find((line) => line.includes('put off')),
    /^::warning .*among-b: to be run where this revision is live/,
  );
  t.match((await house.gate(payments, { revision: 'next', live: tidier })).findings, [
    { experiment: 'among-a' },
    { experiment: 'among-b', standing: 'owed', blocks: true },
    {},
  ]);

  const blind = await start(inputs, at('elsewhere', room.folder));
  const last = await begun(blind, 'among-b');
  blind.cancel();
  const cancelled = await blind.ended;
  t.match(cancelled, { code: 1, signal: null, log: /CHOSEN WITHOUT A DIFFERENCE.*git reads no repository/ });
  t.equal((await house.run(last)).abortAsked, 'the job was cancelled');
  t.match(await post(inputs, cancelled), { code: 0, log: new RegExp(`run ${last} is told to stop`) });
  await end(null);
  t.equal((await house.runs(1))[0]?.id, last, 'and none began after it');
});

test("the action and the workflow of the page are good by GitHub's own parser", async (t) => {
  const parser = await githubParser(room.folder);
  const text = await readFile(new URL('../../pipelines/github-actions/action.yml', import.meta.url), 'utf8');
  const code = await readFile(new URL('../../pipelines/src/github-actions/inputs.ts', import.meta.url), 'utf8');
  const names = [...(/^inputs:\n([\s\S]*)^outputs:/m.exec(text)?.[1] ?? '').matchAll(/^ {2}([a-z-]+):$/gm)].map(
    ([, name]) => name as string,
  );
  const read = [...code.matchAll(/(?:given|oneOf|step\.input)\('([a-z-]+)'/g)].map(([, name]) => name as string);
  t.same(names.sort(), [...new Set(read)].sort(), 'every input is read, and none besides');
  t.same(parser.action(text), []);
  t.match(parser.action(text.replace('main:', 'mian:')), [/Unexpected value 'mian'/, /missing: main/], 'it would find a mistake');
  const page = await readFile(new URL('../../docs/github-actions.md', import.meta.url), 'utf8');
  const workflow = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  t.same(parser.workflow(workflow), []);
  t.match(parser.workflow(workflow.replace('github.sha', 'githup.sha')), [/Unrecognized named-value: 'githup'/]);
  const given = [...(/^ +with:\n([\s\S]*)/m.exec(workflow)?.[1] ?? '').matchAll(/^ +([a-z-]+):/gm)].map(([, name]) => name as string);
  t.ok(given.length > 5);
  t.same(
    given.filter((name) => !names.includes(name)),
    [],
    'it gives no input that the action knows not',
  );
});

test('nothing is left', async (t) => {
  t.same(await room.leave(), []);
});

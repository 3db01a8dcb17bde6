import { join } from 'node:path';
import { HaldaneClient, stageStatuses } from '@haldane/client';
import { type Phase, phases } from '@haldane/core';
import type { PreconfiguredStage } from '@haldane/pipelines';
import { inventory, readAccess } from '@haldane/standalone';
import { after, type Test, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { fakeGate, stage as gateStage, serverGroup } from '../testing/fake-gate.ts';
import { hindered, orcaStage, type Send } from '../testing/fake-orca.ts';
import { haldane } from '../testing/haldane.ts';
import { openRoom } from '../testing/room.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';
import { serveKeys, writeTiny } from '../testing/tiny.ts';

const isFull = process.env['LANE'] === 'full';
allowSeconds(isFull ? 900 : 400);
const room = await openRoom();
after(() => room.leave());
const keys = await serveKeys();
room.onLeave(() => keys.close());
const gate = await fakeGate({ application: 'tiny', account: 'test', cluster: 'tiny-test', token: 'what-gate-takes' });
room.onLeave(() => gate.close());
gate.groups = [serverGroup('tiny-test-v001', 'a'.repeat(40))];
const env = { PATH: process.env['PATH'], HOME: room.folder, TINY_TOKEN: keys.token, KEYS_URL: keys.url, GATE_TOKEN: 'what-gate-takes' };
const dataDir = join(room.folder, 'up');
const files = await writeTiny(join(room.folder, 'tiny'));
const slow = await writeTiny(join(room.folder, 'slow'), { watchSeconds: 120, exposure: 'synthetic' });
const gated = await writeTiny(join(room.folder, 'gated'), {
  watchSeconds: 120,
  exposure: 'synthetic',
  pipeline: `{ spinnaker: { gate: "${gate.address}", application: tiny, account: test, cluster: tiny-test, tokenEnv: GATE_TOKEN } }`,
});
const say = (...args: readonly string[]) => haldane(['--data', dataDir, ...args], env, room.folder).outcome;
let up = haldane(['--data', dataDir, 'up', files.manifest], env, room.folder);
room.onLeave(async () => {
  up.child.kill('SIGINT');
  await up.outcome;
});
await up.said(/Haldane answers at/);
const access = await readAccess(dataDir);
if (access === null) throw new Error('the stack wrote no access file');
let client = new HaldaneClient(access);
const before = await inventory({ dataDir });

// The token of docs/spinnaker.md: for nothing else, and good beyond a restart.
const operations = ['--operation', 'beginStage', 'getStage', 'abortStage'];
const made = await say('tokens', 'make', 'spinnaker', '--role', 'operator', '--team', 'tests', '--days', '1', ...operations);
const token = made.out.trim();
const call: Send = async (method, url, body) => {
  const answer = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === null ? {} : { 'content-type': 'application/json' }) },
    body,
  });
  return { status: answer.status, text: await answer.text() };
};
const generated = async (...more: readonly string[]) => {
  const { code, out, err } = await say('--server', access.address, 'pipeline', 'spinnaker', ...more);
  return { code, err, json: code === 0 ? (JSON.parse(out) as unknown) : null };
};
const { json, err } = await generated();
type Generated = { webhook: { preconfigured: [PreconfiguredStage, PreconfiguredStage] } };
const [stage, choosing] = (json as Generated).webhook.preconfigured;
const blocking = async () => ((await generated('--mode', 'block')).json as Generated).webhook.preconfigured[0];
const ended = async (execution: string) => {
  const { run } = await client.stage(`spinnaker:${execution}:canary`);
  for await (const event of client.events(run, 0, AbortSignal.timeout(120_000))) void event;
  return client.run(run);
};
/** The real answers, and what happens when a poll has seen the run in this phase or beyond it. */
const onceIn =
  (phase: Phase, happen: (status: string) => Promise<void> | void): Send =>
  async (method, url, body) => {
    const answer = await call(method, url, body);
    if (method !== 'GET' || happened.has(happen)) return answer;
    const seen = JSON.parse(answer.text) as { phase: Phase; status: string };
    if (phases.indexOf(seen.phase) < phases.indexOf(phase)) return answer;
    happened.add(happen);
    await happen(seen.status);
    return answer;
  };
const happened = new Set<unknown>();
const orca = (execution: string, file: string, send: Send = call, cancel?: AbortSignal, as = stage) =>
  orcaStage({
    stage: as,
    execution,
    parameterValues: { experiment: file, name: 'canary' },
    send,
    pollMs: 100,
    retryMs: 50,
    ...(cancel === undefined ? {} : { cancel }),
  });

test('the stage is written for Orca, whose every status has one meaning, and for a pipeline', async (t) => {
  t.match(err, /127\.0\.0\.1 is an address in numbers, which Orca refuses to call/);
  const meanings = [stage.successStatuses, stage.terminalStatuses, stage.canceledStatuses].flatMap((list) => list.split(','));
  t.same([...meanings, 'RUNNING'].sort(), [...stageStatuses].sort());
  t.match(await blocking(), { type: 'haldaneGate', successStatuses: 'PASSED' });
  t.match((await generated('--stage', files.experiment, '--minutes', '90')).json, {
    type: 'haldane',
    parameterValues: { experiment: files.experiment, name: 'canary' },
    stageTimeoutMs: 5_400_000,
  });
  for (const args of [
    ['--name', 'a/b'],
    ['--stage', 'x', '--minutes', '0'],
  ])
    t.equal((await generated(...args)).code, 2, args.join(' '));
});

test('a create whose answer was lost and polls that fail lead to one run, and a cancel after its end changes nothing', async (t) => {
  const { send, sent } = hindered(call);
  const end = await orca('01H-WHOLE', files.experiment, send);
  const runs = await client.runs();
  t.same([sent.creates, runs.length], [3, 1]);
  const run = runs[0];
  t.equal(end.status, 'SUCCEEDED', 'in mode report a verdict is only seen');
  t.equal(end.polled[0], 'RUNNING');
  t.equal(end.progress, run?.facts.verdict?.headline);
  t.equal((await client.abortStage('spinnaker:01H-WHOLE:canary', 'too late')).run, run?.id);
  t.match(await client.stage('spinnaker:01H-WHOLE:canary'), { run: run?.id, status: end.polled.at(-1), phase: 'done' });
  t.equal((await client.runs())[0]?.abortAsked, null);
});

test('a create that fails ends the stage and starts nothing, also one that arrives after Orca gave it up', async (t) => {
  t.same(await orca('01H-NO-FILE', '/nowhere.yaml'), { status: 'TERMINAL', polled: [], progress: null });
  t.same(await orca('01H-SILENT', '/nowhere.yaml', async () => Promise.reject(new Error('connect timed out'))), {
    status: 'TERMINAL',
    polled: [],
    progress: null,
  });
  t.equal((await client.runs()).length, 1);

  // Orca gives up a create that is on its way, and cancels; only then does it arrive.
  let arrive = async () => ({ status: 0, text: '' });
  const late: Send = async (method, url, body) => {
    if (!url.endsWith('/stage')) return call(method, url, body);
    arrive = () => call(method, url, body);
    throw new Error('read timed out');
  };
  t.equal((await orca('01H-LATE', files.experiment, late)).status, 'TERMINAL');
  const begun = JSON.parse((await arrive()).text) as { run: string };
  for await (const event of client.events(begun.run, 0, AbortSignal.timeout(60_000)))
    t.notMatch(event, { data: { phase: 'provisioning' } }, 'nothing is made for it');
  t.match(await client.stage('spinnaker:01H-LATE:canary'), { status: 'ABORTED', run: begun.run });
  t.same(await inventory({ dataDir }), before);
});

test('while Spinnaker deploys the service no run begins, and the pipeline that asks for one is no deploy', async (t) => {
  const deploy = gateStage('deploy', { clusters: [{ account: 'test', application: 'tiny', stack: 'test', freeFormDetails: '' }] });
  gate.executions = [{ id: '01H-OTHER', name: 'To test', status: 'RUNNING', stages: [deploy] }];
  let refused = '';
  const refusal: Send = async (method, url, body) => {
    const answer = await call(method, url, body);
    if (url.endsWith('/stage')) refused = answer.text;
    return answer;
  };
  t.same(await orca('01H-EARLY', gated.experiment, refusal), { status: 'TERMINAL', polled: [], progress: null });
  t.match(JSON.parse(refused), { code: 'refused', detail: /a deploy of tiny is in progress \(pipeline "To test" \(01H-OTHER\)/ });
  gate.hinder = () => ({ status: 200, json: '<html>' });
  t.match((await say('plan', gated.experiment)).err, /Gate answered .* with something other than JSON/);
  gate.hinder = () => null;
  gate.executions = [
    { id: '01H-OWN', name: 'To test', status: 'RUNNING', stages: [{ ...deploy, status: 'SUCCEEDED' }, gateStage('haldane')] },
  ];
  const plan = await say('plan', gated.experiment);
  t.match(plan.out, /release by spinnaker: a{40}, shop-1\.2\.3/);
  t.equal(plan.code, 0, plan.err);
});

const lasting: readonly Phase[] = ['planning', 'provisioning', 'routing', 'baseline', 'injecting', 'proving', 'observing'];
const cancelIn = (phase: Phase) => async (t: Test) => {
  const execution = `01H-CANCEL-${phase.toUpperCase()}`;
  const cancel = new AbortController();
  let wasRunning = true;
  const send = onceIn(phase, (status) => {
    wasRunning = status === 'RUNNING';
    cancel.abort();
  });
  const end = await orca(execution, lasting.includes(phase) ? slow.experiment : files.experiment, send, cancel.signal);
  t.equal(end.status, wasRunning ? 'CANCELED' : 'SUCCEEDED');
  const run = await ended(execution);
  t.equal(run.phase, 'done');
  // In planning nothing may have been changed yet, and then there is nothing to put back.
  t.equal(run.facts.restored?.clean ?? phase === 'planning', true);
  const { status } = await client.stage(`spinnaker:${execution}:canary`);
  // What is being put back or judged is not ended by a cancel: the run has learned what it has.
  if (lasting.includes(phase)) t.same([run.stop?.reason, status], ['operator', 'ABORTED'], run.stop?.why ?? 'no stop');
  else t.not(run.stop?.reason, 'operator');
};

const killedMeanwhile = async (t: Test) => {
  const port = new URL(access.address).port;
  const send = onceIn('observing', async () => {
    up.child.kill('SIGKILL');
    await up.outcome;
    up = haldane(['--data', dataDir, 'up', files.manifest], { ...env, HALDANE_PORT: port }, room.folder);
    await up.said(/Haldane answers at/);
    client = new HaldaneClient((await readAccess(dataDir)) ?? access);
  });
  const end = await orca('01H-KILLED', slow.experiment, send, undefined, await blocking());
  t.equal(end.status, 'TERMINAL', 'in mode block nothing but resilient goes on');
  t.equal(end.polled.at(-1), 'INCONCLUSIVE', end.progress ?? '');
  t.match(await ended('01H-KILLED'), { phase: 'done', stop: { reason: 'lease-lost' }, facts: { restored: { clean: true } } });
};

const deployedMeanwhile = async (t: Test) => {
  const deploy = gateStage('cloneServerGroup', {
    source: { asgName: 'tiny-test-v001' },
    credentials: 'test',
    application: 'tiny',
    stack: 'test',
  });
  const send = onceIn('observing', () => {
    gate.tasks = [{ id: '01H-BY-HAND', name: 'Clone', status: 'RUNNING', stages: [deploy] }];
  });
  const end = await orca('01H-MEANWHILE', gated.experiment, send);
  t.equal(end.polled.at(-1), 'INCONCLUSIVE', end.progress ?? '');
  const why = /a deploy of tiny is in progress \(task "Clone" \(01H-BY-HAND\): stage "cloneServerGroup"/;
  t.match(await ended('01H-MEANWHILE'), { stop: { reason: 'target-changed', why }, facts: { restored: { clean: true } } });
  gate.tasks = [];
};

const chosenMeanwhile = async (t: Test) => {
  const port = new URL(access.address).port;
  const more = await writeTiny(join(room.folder, 'more'), { exposure: 'synthetic', name: 'tiny-more' });
  const made = await say('pipeline', 'spinnaker', '--stage', more.experiment, files.experiment, '--max-minutes', '60', '--name', 'chosen');
  const { parameterValues } = JSON.parse(made.out) as { parameterValues: Record<string, string> };
  const send = onceIn('provisioning', async () => {
    up.child.kill('SIGKILL');
    await up.outcome;
    up = haldane(['--data', dataDir, 'up', files.manifest], { ...env, HALDANE_PORT: port }, room.folder);
    await up.said(/Haldane answers at/);
    client = new HaldaneClient((await readAccess(dataDir)) ?? access);
  });
  const end = await orcaStage({ stage: choosing, execution: '01H-CHOSEN', parameterValues, send, pollMs: 100, retryMs: 50 });
  t.equal(end.status, 'SUCCEEDED', end.progress ?? '');
  t.not(end.polled.at(-1), 'PASSED', 'what the killed one ran is no answer');
  t.match(end.progress, /tiny-keys|tiny-more|experiment/);
  t.match(end.progress, /chosen without a difference, for no checkout of its repository is known/);
};

const cases: readonly (readonly [string, (t: Test) => Promise<void>])[] = [
  ...phases.filter((phase) => phase !== 'done').map((phase) => [`a cancel in ${phase} puts everything back`, cancelIn(phase)] as const),
  ['a Haldane that is killed and comes back puts everything back and blocks', killedMeanwhile],
  ['a deploy that begins meanwhile ends the run', deployedMeanwhile],
  ['a stage that chooses goes on after its Haldane was killed', chosenMeanwhile],
];
const seed = seedOfSamples();
const chosen = isFull ? cases : draws(seed, 'spinnaker', 2, cases.length).map((n) => cases[n] as (typeof cases)[number]);
for (const [what, happens] of chosen)
  test(`${what} (seed ${seed.slice(0, 12)})`, async (t) => {
    await happens(t);
    t.same(await inventory({ dataDir }), before);
  });

test('nothing is left', async (t) => {
  up.child.kill('SIGINT');
  t.equal((await up.outcome).code, 0);
  t.same(await room.leave(), []);
});

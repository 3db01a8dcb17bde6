import { join } from 'node:path';
import { HaldaneClient, stageStatuses } from '@haldane/client';
import type { preconfiguredStage } from '@haldane/pipelines';
import { inventory, readAccess } from '@haldane/standalone';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { orcaStage, type Send } from '../testing/fake-orca.ts';
import { haldane } from '../testing/haldane.ts';
import { openRoom } from '../testing/room.ts';
import { serveKeys, writeTiny } from '../testing/tiny.ts';

allowSeconds(240);
const room = await openRoom();
after(() => room.leave());
const keys = await serveKeys();
room.onLeave(() => keys.close());
const env = { PATH: process.env['PATH'], HOME: room.folder, TINY_TOKEN: keys.token, KEYS_URL: keys.url };
const dataDir = join(room.folder, 'up');
const files = await writeTiny(join(room.folder, 'tiny'));
const slow = await writeTiny(join(room.folder, 'slow'), { watchSeconds: 120 });
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
const before = await inventory({ dataDir });

const call: Send = async (method, url, body) => {
  const answer = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${access.token}`, ...(body === null ? {} : { 'content-type': 'application/json' }) },
    body,
  });
  return { status: answer.status, text: await answer.text() };
};
const generated = async (...more: readonly string[]) => {
  const { code, out, err } = await say('--server', access.address, 'pipeline', 'spinnaker', ...more);
  return { code, err, json: code === 0 ? (JSON.parse(out) as unknown) : null };
};
const { json, err } = await generated();
const stage = (json as { webhook: { preconfigured: [ReturnType<typeof preconfiguredStage>] } }).webhook.preconfigured[0];
const orca = (execution: string, file: string, send: Send = call, cancel?: AbortSignal) =>
  orcaStage({
    stage,
    execution,
    parameterValues: { experiment: file, name: 'canary' },
    send,
    pollMs: 250,
    retryMs: 50,
    ...(cancel === undefined ? {} : { cancel }),
  });

test('the stage is written for Orca, whose every status has one meaning, and for a pipeline', async (t) => {
  t.match(err, /127\.0\.0\.1 is an address in numbers, which Orca refuses to call/);
  const meanings = [stage.successStatuses, stage.terminalStatuses, stage.canceledStatuses].flatMap((list) => list.split(','));
  t.same([...meanings, 'RUNNING'].sort(), [...stageStatuses].sort());
  const blocking = await generated('--mode', 'block');
  t.match(blocking.json, { webhook: { preconfigured: [{ type: 'haldaneGate', successStatuses: 'PASSED' }] } });
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
  const sent = { creates: 0, polls: 0 };
  const end = await orca('01H-WHOLE', files.experiment, async (method, url, body) => {
    if (method === 'POST' && url.endsWith('/stage')) {
      sent.creates += 1;
      const answer = await call(method, url, body);
      // It has begun here, but Orca does not hear of it.
      return sent.creates < 3 ? { status: 503, text: '' } : answer;
    }
    sent.polls += 1;
    if (sent.polls === 2) return { status: 502, text: '' };
    if (sent.polls === 3) throw new Error('read timed out');
    return call(method, url, body);
  });
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

test("a user's cancel puts everything back, and a create that fails ends the stage and starts nothing", async (t) => {
  const cancel = new AbortController();
  const cancelled = orca(
    '01H-CANCEL',
    slow.experiment,
    async (method, url, body) => {
      const answer = await call(method, url, body);
      if (method === 'GET' && (JSON.parse(answer.text) as { phase: string }).phase === 'baseline') cancel.abort();
      return answer;
    },
    cancel.signal,
  );
  t.equal((await cancelled).status, 'CANCELED');
  const { run } = await client.stage('spinnaker:01H-CANCEL:canary');
  for await (const event of client.events(run, 0, AbortSignal.timeout(60_000))) t.ok(event);
  t.match(await client.run(run), { phase: 'done', stop: { reason: 'operator' }, facts: { restored: { clean: true } } });
  t.equal((await client.stage('spinnaker:01H-CANCEL:canary')).status, 'ABORTED');

  t.same(await orca('01H-NO-FILE', '/nowhere.yaml'), { status: 'TERMINAL', polled: [], progress: null });
  t.same(await orca('01H-SILENT', '/nowhere.yaml', async () => Promise.reject(new Error('connect timed out'))), {
    status: 'TERMINAL',
    polled: [],
    progress: null,
  });
  t.equal((await client.runs()).length, 2);

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

test('nothing is left', async (t) => {
  up.child.kill('SIGINT');
  t.equal((await up.outcome).code, 0);
  t.same(await room.leave(), []);
});

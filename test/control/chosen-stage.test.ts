import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi, type Desk } from '@haldane/api';
import { type Act, type Facts, HaldaneError, systemClock, type Verdict } from '@haldane/core';
import { preconfiguredStages } from '@haldane/pipelines';
import { startTestDatabase } from '@haldane/store/testing';
import { sampleRun } from '@haldane/testkit';
import { after, type Test, test } from 'tap';
import { doormanOf } from '../../services/standalone/src/doorman.ts';
import { stagesOf } from '../../services/standalone/src/stages.ts';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { hindered, orcaStage, type Send } from '../testing/fake-orca.ts';

allowSeconds(240);
const database = await startTestDatabase();
after(() => database.stop());
const shop = { service: 'payments', environment: 'test' };
const keys = '/etc/haldane/keys.yaml';
const forged = '/etc/haldane/forged.yaml';
const nameOf = (file: string) => file.replace(/^.*\/|\.yaml$/g, '');

/** An API whose runs end as the test says; each poll of Orca's is a look of a doorman that knows nothing but what is stored, as after a restart. */
async function house(t: Test) {
  const copy = await database.copy();
  const { store } = copy;
  const state = { live: 'a'.repeat(40), refusal: null as HaldaneError | null, aheadMs: 0 };
  const clock = { ...systemClock, now: () => Date.now() + state.aheadMs };
  const owner = { team: 'mine', contact: '#mine' };
  const desk: Pick<Desk, 'store' | 'create' | 'define' | 'hold' | 'scenarios'> = {
    store,
    scenarios: () => [
      {
        ...{ id: 'idp-jwks-unavailable', version: 1, title: '', when: '', expects: '', undo: '', detection: '' },
        touchedBy: ['code', 'dependencies'],
      },
    ],
    define: async (file, permit) => {
      await permit(shop, owner);
      return { ...shop, experiment: nameOf(file), scenario: 'idp-jwks-unavailable', seconds: 240, listens: false };
    },
    create: async ({ file, key = null, by }, permit) => {
      await permit(shop, owner);
      if (state.refusal !== null) throw state.refusal;
      const run = sampleRun('payments', key);
      return store.runs.create({ ...run, experiment: { ...run.experiment, name: nameOf(file) }, ...(by === undefined ? {} : { by }) });
    },
    hold: async ({ by, ...wanted }, permit) => {
      for (const _ of wanted.files) await permit(shop, owner);
      const asked = { ...wanted, ...shop, files: [...wanted.files], paths: [...wanted.paths] };
      const unattendedMs = wanted.unattended === null ? null : wanted.unattended * 1000;
      return store.deploys.holdStage({ ref: wanted.ref, rule: stagesOf('here'), asked, who: by, unattendedMs });
    },
  };
  const api = createApi({ desk: desk as Desk, tokens: [], alertTokens: [], onError: (error) => t.fail(String(error)) });
  await api.listen({ host: '127.0.0.1', port: 0 });
  const address = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`;
  t.teardown(async () => {
    await api.close();
    await copy.close();
  });
  const live = async () => {
    if (state.refusal !== null) throw state.refusal;
    return state.live;
  };
  const troubles: string[] = [];
  const look = async (afterMs = 5_000) => {
    await copy.letPass(afterMs);
    const onTrouble = (what: string, error: unknown) => void troubles.push(`${what}: ${String(error)}`);
    const doorman = doormanOf({ store, address, gitHub: null, stages: { pool: 'here', live }, onTrouble, clock });
    await doorman.round();
    await doorman.stop();
  };
  /** Ends the run that is under way; null: as one that was told to stop. Whether there was one. */
  const end = async (verdict: Verdict['verdict'] | null): Promise<string | null> => {
    const claim = await store.runs.claim('a test', 60_000, 0);
    if (claim === null) return null;
    const record = { strength: verdict === 'vulnerable' ? 'block' : 'none', more: { failuresOnly: { logE: 0.5 } } };
    const marks = { held: { mark: 'yes' }, served: { mark: verdict === 'vulnerable' ? 'no' : 'yes' }, noticed: { mark: 'yes' } };
    const learned = {
      deployment: { revision: state.live },
      plan: { scenarioVersion: 1 },
      restored: { clean: true, at: Date.now(), stuck: [] },
      ...(verdict === null ? {} : { verdict: { verdict, headline: `it is ${verdict}`, ...marks, record } }),
    };
    const stop = claim.run.abortAsked === null ? {} : { stop: { reason: 'operator', why: claim.run.abortAsked, at: 1 } as const };
    await store.runs.advance(claim.fence, claim.run.version, { to: 'done', ...stop, learned: learned as unknown as Facts });
    return claim.run.experiment.name;
  };
  const { secret } = await store.tokens.issue({
    subject: 'spinnaker',
    grants: [{ role: 'operator', team: 'mine' }],
    scope: { operations: ['beginStage', 'getStage', 'abortStage'], services: null, environments: null },
    madeBy: 'a test',
    livesMs: 3_600_000,
  });
  await store.services.register(shop, owner);
  const call: Send = async (method, url, body) => {
    const headers = { authorization: `Bearer ${secret}`, ...(body === null ? {} : { 'content-type': 'application/json' }) };
    const answer = await fetch(url, { method, headers, body });
    return { status: answer.status, text: await answer.text() };
  };
  /** Looks before each poll, and lets the test do something after it. */
  const withLooks =
    (polled: (said: { status: string; progress: string; run: string }, poll: number) => Promise<unknown>, send: Send = call): Send =>
    async (method, url, body) => {
      if (method === 'GET') await look();
      const answer = await send(method, url, body);
      if (method === 'GET' && answer.status === 200) {
        polls += 1;
        await polled(JSON.parse(answer.text), polls);
      }
      return answer;
    };
  let polls = 0;
  const run = (
    execution: string,
    send: Send,
    more: Record<string, string> = {},
    cancel?: AbortSignal,
    mode: 'report' | 'block' = 'block',
  ) => {
    polls = 0;
    const parameterValues = { experiments: `${keys}, ${forged}`, maxMinutes: '', checkout: '', path: '', name: 'canary', ...more };
    const stage = preconfiguredStages(address, mode)[1];
    return orcaStage({ stage, execution, parameterValues, send, pollMs: 1, retryMs: 1, ...(cancel === undefined ? {} : { cancel }) });
  };
  const runs = () =>
    copy.query(`select experiment ->> 'name' as name, key, abort_asked as "abortAsked" from runs order by created_at desc, id desc`);
  const acts = async () => (await store.audit.read(0, 1_000)).map(({ body }) => JSON.parse(body) as Act);
  return { copy, store, state, look, end, call, withLooks, run, runs, acts, troubles, address };
}

test('a stage runs what the deploy needs, puts off what does not fit, and the same stage after the deploy runs the rest', async (t) => {
  const { store, end, call, withLooks, run, runs, acts, state, troubles } = await house(t);
  const { send } = hindered(call);
  const said: string[] = [];
  const first = await run(
    '01H-FIRST',
    withLooks(async ({ progress, run }) => {
      said.push(progress);
      if (run !== '') await end('resilient');
    }, send),
    {
      maxMinutes: '6',
    },
  );
  t.match(first, { status: 'SUCCEEDED' }, troubles.join());
  t.match(said.join('\n'), /experiment 1 of 1, forged, on payments in test is under way \(run [^)]*\): planning/);
  t.match(
    first.progress,
    /^forged PASSED: it is resilient; keys put off until after the deploy; chosen without a difference, for no checkout/,
  );
  t.same(
    await runs(),
    [{ name: 'forged', key: 'spinnaker:01H-FIRST:canary:2', abortAsked: null }],
    'three creates are one stage, and one run',
  );
  t.match((await store.gate.entries(shop, 'choice'))[0], { revision: state.live, run: ['forged'], later: ['keys'] });

  const again = await run(
    '01H-FIRST',
    withLooks(async () => undefined),
  );
  t.same([again.status, again.polled], ['SUCCEEDED', ['PASSED']], 'the same execution shows what it had');

  const rest = await run(
    '01H-FIRST',
    withLooks(async ({ run }) => run && end('resilient')),
    { name: 'after' },
  );
  t.match(rest.progress, /^keys PASSED: it is resilient; forged stands on run .* \(PASSED\)/);
  t.equal((await runs()).length, 2);

  const none = await run(
    '01H-NONE',
    withLooks(async ({ run }) => run && end('resilient')),
    { name: 'none' },
  );
  t.match(
    [none.status, none.progress],
    ['SUCCEEDED', /^keys stands on run .*forged stands on run /],
    'evidence of this very revision needs no run',
  );

  state.live = 'b'.repeat(40);
  const off = await run(
    '01H-OFF',
    withLooks(async () => undefined),
    { maxMinutes: '0' },
  );
  t.match([off.status, off.polled.at(-1)], ['SUCCEEDED', 'PUT_OFF'], 'all of it waits until after the deploy');
  const bad = await run(
    '01H-BAD',
    withLooks(async ({ run }) => run && end('vulnerable')),
  );
  t.match([bad.status, bad.polled.at(-1)], ['TERMINAL', 'VULNERABLE'], 'mode block');
  const did = (await acts()).filter(({ did }) => did === 'beginStage');
  t.match(did[0], { who: 'spinnaker', to: 'service payments in test', outcome: 'allowed' });
  t.equal(
    did.filter(({ who }) => who === 'spinnaker').length,
    5,
    'each stage once, however many files it has and however often it is asked for',
  );
  t.match(
    did.find(({ who }) => who !== 'spinnaker'),
    { who: 'a stage of payments in test', outcome: 'allowed' },
  );
});

test('what did not change what an experiment attacks leaves its evidence standing, and what cannot be compared is run', async (t) => {
  const { end, withLooks, run, state } = await house(t);
  const folder = await mkdtemp(join(tmpdir(), 'haldane-stage-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false'];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const git = (...args: readonly string[]) => execFileSync('git', [...who, ...args], { cwd: folder, env, encoding: 'utf8' }).trim();
  const commit = async (file: string, text: string) => {
    await writeFile(join(folder, file), text);
    git('add', '-A');
    git('commit', '-qm', file);
    return git('rev-parse', 'HEAD');
  };
  git('init', '-q');
  state.live = await commit('main.ts', 'export {};');
  const at = (execution: string) =>
    run(
      execution,
      withLooks(async ({ run }) => run && end('resilient')),
      { experiments: keys, checkout: folder },
    );
  t.match((await at('01H-ONE')).progress, /^keys PASSED/);
  state.live = await commit('app.properties', 'colour=blue');
  t.match((await at('01H-TWO')).progress, /^keys stands on run/);
  state.live = await commit('main.ts', 'export const x = 1;');
  t.match((await at('01H-THREE')).progress, /^keys PASSED/);
  state.live = 'f'.repeat(40);
  t.match((await at('01H-FOUR')).progress, /^keys PASSED: it is resilient; chosen without a difference, for the checkout does not say/);
});

test('a cancel ends the stage before its create arrives, while it chooses, in each of its runs and between them, and changes nothing after its end', async (t) => {
  const { store, state, end, call, withLooks, look, run, runs, address } = await house(t);
  let arrive = async () => ({ status: 0, text: '' });
  const late: Send = async (method, url, body) => {
    if (!url.endsWith('/stage')) return call(method, url, body);
    arrive = () => call(method, url, body);
    throw new Error('read timed out');
  };
  t.equal((await run('01H-LATE', late)).status, 'TERMINAL');
  await arrive();
  await look();
  await look();
  const stageOf = async (execution: string) => (await store.deploys.stage(`spinnaker:${execution}:canary`))?.progress;
  t.match(await stageOf('01H-LATE'), { over: { status: 'ABORTED', run: '' } });
  t.same(await runs(), []);

  state.refusal = new HaldaneError('refused', 'a deploy of payments is in progress');
  const cancelling = async (execution: string, when: (said: { run: string; progress: string }, poll: number) => Promise<boolean>) => {
    const cancel = new AbortController();
    const polled = async (said: { run: string; progress: string }, poll: number) => {
      if (await when(said, poll)) cancel.abort();
    };
    const { status } = await run(execution, withLooks(polled), {}, cancel.signal);
    t.equal(status, 'CANCELED', execution);
    await look();
    await end(null);
    await look(1_000);
    await look();
    t.match(await stageOf(execution), { over: { status: 'ABORTED' }, says: /^stopped: Spinnaker ended the stage/ }, execution);
    t.equal(await end(null), null, 'nothing is left');
  };
  await cancelling('01H-CHOOSING', async ({ progress }) => /^nothing can be chosen yet: a deploy of payments/.test(progress));
  t.same(await runs(), []);
  state.refusal = null;
  await cancelling('01H-FIRST', async ({ run }) => run !== '');
  t.match(await runs(), [{ key: 'spinnaker:01H-FIRST:canary:2', abortAsked: /Spinnaker ended the stage \(execution 01H-FIRST\)/ }]);
  await cancelling('01H-BETWEEN', async ({ run }) => run !== '' && (await end('resilient')) !== null);
  t.match((await runs())[0], { key: 'spinnaker:01H-BETWEEN:canary:2', abortAsked: null });
  t.equal((await runs()).length, 2, 'the next is not begun');
  await cancelling('01H-SECOND', async ({ progress }) => /1 of 1/.test(progress));
  t.match((await runs())[0], { name: 'keys', abortAsked: /01H-SECOND/ });

  const over = await run(
    '01H-OVER',
    withLooks(async ({ run }) => run && end('resilient')),
  );
  t.equal(over.status, 'SUCCEEDED');
  const before = await stageOf('01H-OVER');
  t.equal((await call('POST', `${address}/v1/runs/by-ref/spinnaker:01H-OVER:canary/stage/abort`, '{"why":"too late"}')).status, 202);
  await look();
  t.same(await stageOf('01H-OVER'), before);
});

test('a stage that chooses leaves room in its ref for the runs that it begins, which everybody can ask for by theirs', async (t) => {
  const { call, look, runs, address } = await house(t);
  const begin = (ref: string) =>
    call('POST', `${address}/v1/runs/by-ref/${ref}/stage`, JSON.stringify({ experiments: `${keys},${forged}` }));
  const refused = await begin('r'.repeat(191));
  t.match([refused.status, refused.text], [400, /ref: a stage that chooses has one of at most 190 characters; this has 191/]);
  t.equal((await begin('r'.repeat(190))).status, 202);
  await look();
  const [{ key } = { key: '' }] = (await runs()) as { key: string }[];
  t.ok(key.startsWith('r'.repeat(190)) && key.length > 190, key.slice(190));
  t.equal((await call('GET', `${address}/v1/runs/by-ref/${key}/stage`, null)).status, 200);
});

test('a stage that nobody asks after ends, one that cannot choose for half an hour is refused, and a look that is overtaken says nothing', async (t) => {
  const { store, state, end, call, look, run, runs, copy, withLooks, troubles } = await house(t);
  const lost: Send = async (method, url, body) =>
    method === 'POST' && url.endsWith('/stage') ? call(method, url, body) : { status: 500, text: '' };
  const cancel = new AbortController();
  const held = run(
    '01H-LOST',
    async (method, url, body) => {
      if (method === 'GET') cancel.abort();
      return url.endsWith('abort') ? { status: 500, text: '' } : lost(method, url, body);
    },
    {},
    cancel.signal,
  );
  t.equal((await held).status, 'CANCELED');
  await look();
  await look();
  t.equal((await runs()).length, 1);
  await look(901_000);
  t.match(await runs(), [{ abortAsked: 'nobody asked after it for 900 s' }]);
  await end(null);
  await look();
  t.match((await store.deploys.stage('spinnaker:01H-LOST:canary'))?.progress, { over: { status: 'ABORTED' } });

  state.refusal = new HaldaneError('refused', 'somebody must approve it first');
  const refused = await run(
    '01H-REFUSED',
    withLooks(async () => {
      state.aheadMs += 600_000;
      await copy.letPass(60_000);
    }),
  );
  t.match(
    [refused.status, refused.polled.at(-1), refused.progress],
    ['TERMINAL', 'REFUSED', 'nothing can be chosen: somebody must approve it first'],
  );
  state.refusal = null;
  const stopped = await run(
    '01H-HALTED',
    withLooks(async ({ run }, poll) => {
      if (run === '' && poll < 3) return;
      state.refusal = new HaldaneError('refused', 'somebody must approve it first');
      state.aheadMs += 600_000;
      await end('resilient');
    }),
  );
  t.match([stopped.status, stopped.polled.at(-1)], ['TERMINAL', 'REFUSED'], 'the second cannot begin');
  t.match(stopped.progress, /^forged PASSED: it is resilient; keys did not begin: somebody must approve it first/);
  t.same(troubles, []);
});

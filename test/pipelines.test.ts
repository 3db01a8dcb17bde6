import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deployment, DeploymentPipeline } from '@haldane/core';
import { egress } from '@haldane/egress';
import { manifestPipeline, openReaders } from '@haldane/pipelines';
import { deploymentPipelineContract, type PipelineUnderTest, VirtualClock } from '@haldane/testkit';
import { after, test } from 'tap';
import { fakeGate, serverGroup, stage } from './testing/fake-gate.ts';
import { fakeGitHub } from './testing/fake-github.ts';
import { openRoom } from './testing/room.ts';

const room = await openRoom();
after(() => room.leave());
const secret = 'CANARY-credential';
const env = { CI_TOKEN: secret };
const service = { service: 'shop', environment: 'production' };
const first = 'a'.repeat(40);
const second = 'b'.repeat(40);

const manifest = (more: string) => `service: shop
environment: production
owner: { team: shop-team, contact: "#shop" }
platform: aws
deployed: { cluster: shop-prod, route: "shop-alb:443/10" }
${more}`;

const here = egress(['127.0.0.1', 'localhost']);
let files = 0;
/** A pipeline over a manifest of its own. */
async function over(
  text: string,
  withinMs = 100_000,
  out = here,
): Promise<{ readonly pipeline: DeploymentPipeline; readonly file: string; ask(): Promise<Deployment> }> {
  files += 1;
  const file = join(room.folder, `${files}.yaml`);
  await writeFile(file, text);
  const pipeline = manifestPipeline({
    locate: (asked) => (asked.service === 'shop' ? file : null),
    env,
    revisionOf: async () => null,
    readers: openReaders({ withinMs, egress: out }),
  });
  return { pipeline, file, ask: () => pipeline.interrogate(service, AbortSignal.timeout(100_000)) };
}

const gateManifest = (address: string, more = '') =>
  manifest(`pipeline: { spinnaker: { gate: "${address}", application: shop, account: prod, tokenEnv: CI_TOKEN${more} } }`);
const hubManifest = (address: string, more = '') =>
  manifest(`pipeline: { github-actions: { api: "${address}/api/v3", repository: acme/shop, tokenEnv: CI_TOKEN${more} } }`);

async function byFile(): Promise<PipelineUnderTest> {
  const text = (revision: string) =>
    manifest('')
      .replace('platform: aws\n', '')
      .replace(/deployed: .*\n/, `deploy: { command: [node], health: { path: / }, revision: ${revision} }\nroute: { port: 0 }\n`);
  const { pipeline, file } = await over(text(first));
  return {
    pipeline,
    service,
    secret,
    deploy: async (revision) => writeFile(file, text(revision)),
    begin: null,
    silence: async () => {
      await rename(file, `${file}.away`);
      return () => rename(`${file}.away`, file);
    },
    close: async () => undefined,
  };
}

async function byGate(): Promise<PipelineUnderTest> {
  const gate = await fakeGate({ token: secret });
  const { pipeline } = await over(gateManifest(gate.address));
  const add = (revision: string) => {
    const n = gate.groups.length;
    gate.groups.push(serverGroup(`shop-prod-v00${n}`, revision, { createdTime: 1_700_000_000_000 + n }));
  };
  const retire = () => {
    for (const old of gate.groups.slice(0, -1)) Object.assign(old, { disabled: true });
  };
  return {
    pipeline,
    service,
    secret,
    async deploy(revision) {
      add(revision);
      retire();
    },
    async begin(revision) {
      const deploy = stage('deploy', { clusters: [{ account: 'prod', application: 'shop', stack: 'prod', freeFormDetails: '' }] });
      gate.executions = [{ id: '01HDEPLOY', name: 'Deploy to prod', status: 'RUNNING', stages: [deploy] }];
      return async () => {
        add(revision);
        retire();
        gate.executions = [];
      };
    },
    async silence() {
      gate.hinder = () => 'break';
      return async () => {
        gate.hinder = () => null;
      };
    },
    close: () => gate.close(),
  };
}

async function byGitHub(): Promise<PipelineUnderTest> {
  const hub = await fakeGitHub({ token: secret });
  const { pipeline } = await over(hubManifest(hub.address));
  return {
    pipeline,
    service,
    secret,
    deploy: async (revision) => void hub.begin(revision, 'success'),
    async begin(revision) {
      const deployment = hub.begin(revision, 'in_progress');
      return async () => hub.move(deployment, 'success');
    },
    async silence() {
      hub.hinder = () => ({ status: 502, json: '<html>Unicorn!</html>' });
      return async () => {
        hub.hinder = () => null;
      };
    },
    close: () => hub.close(),
  };
}

test('every pipeline says what is live, or that it does not know', async (t) => {
  await deploymentPipelineContract(t, 'a manifest alone', byFile);
  await deploymentPipelineContract(t, 'Spinnaker', byGate);
  await deploymentPipelineContract(t, 'GitHub', byGitHub);
});

test('Spinnaker names the server group that takes traffic, with what it is made from', async (t) => {
  const gate = await fakeGate({ token: secret });
  t.teardown(() => gate.close());
  const { ask } = await over(gateManifest(gate.address));
  gate.groups = [
    Object.assign(serverGroup('shop-prod-v041', first), { disabled: true }),
    serverGroup('shop-prod-v042', second, { createdTime: 1_700_000_500_000 }),
    Object.assign(serverGroup('shop-prod-v043', 'c'.repeat(40), { createdTime: 1_700_000_900_000 }), {
      instanceCounts: { total: 0, up: 0 },
    }),
  ];
  const said = await ask();
  t.match(said, { source: 'shop-prod-v042', revision: second, pipeline: 'spinnaker', route: 'shop-alb:443/10' });
  t.match(said.release, { artifact: `shop-1.2.3-h42-x86_64-${second}`, since: 1_700_000_500_000, deploying: [] });
  t.same(said.release?.said, [
    {
      what: 'server group',
      said: 'shop-prod-v042 in eu-west-1, launch template shop-prod-v042-06012024:1, capacity 2 to 6, desired 3, 3 of 3 instances up',
    },
    { what: 'target groups', said: 'shop-prod' },
    { what: 'build', said: 'shop 1.2.3, shop-build 42' },
  ]);

  gate.groups = [serverGroup('shop-prod-v042', first), serverGroup('shop-prod-v043', second, { createdTime: 1_700_000_900_000 })];
  t.match(await ask(), {
    deployInProgress: true,
    source: 'shop-prod-v043',
    release: { deploying: [/2 server groups .*-v043, shop-prod-v042/] },
  });

  gate.groups = [serverGroup('shop-prod-v042', null), serverGroup('shop-prod-v042', first, { region: 'us-east-1' })];
  await t.rejects(ask(), { code: 'not-found', message: /takes traffic in eu-west-1, us-east-1: name one as pipeline.spinnaker.region/ });
  const inOne = await over(gateManifest(gate.address, ', region: eu-west-1'));
  t.match(await inOne.ask(), { revision: 'shop-1.2.3-h42-x86_64-unknown' }, 'without a commit the image is the revision');

  gate.groups = [];
  await t.rejects(ask(), { code: 'not-found', message: /no server group of shop-prod takes traffic; there are none/ });
  gate.groups = [{ ...serverGroup('shop-prod-v042', first), region: 7 as unknown as string }];
  await t.rejects(ask(), { code: 'unavailable', message: /a form that is not known here, at "\[0\]\.region"/ });
});

test('a stage of Spinnaker that changes the cluster is a deploy in progress, and the one that asks Haldane is none', async (t) => {
  const gate = await fakeGate({ token: secret });
  t.teardown(() => gate.close());
  gate.groups = [serverGroup('shop-prod-v042', first)];
  const { ask } = await over(gateManifest(gate.address, ', harmless: [runTests]'));
  const under = async (...stages: Parameters<typeof stage>[]) => {
    gate.executions = [{ id: '01H', name: 'To prod', status: 'RUNNING', stages: stages.map((one) => stage(...one)) }];
    return (await ask()).release?.deploying;
  };
  const here = { account: 'prod', application: 'shop', stack: 'prod', freeFormDetails: '' };
  t.same(await under(['haldane'], ['deploy', { clusters: [here] }, { status: 'NOT_STARTED' }]), [], 'what is to come is not in progress');
  t.same(await under(['deploy', { clusters: [here] }, { status: 'SUCCEEDED' }], ['haldaneGate']), []);
  t.same(await under(['wait'], ['manualJudgment'], ['runTests']), []);
  t.same(await under(['deploy', { clusters: [here] }]), ['pipeline "To prod" (01H): stage "deploy" (deploy) is running']);
  t.same(await under(['deploy', { clusters: [{ ...here, stack: 'test' }] }]), [], 'another cluster');
  t.same(await under(['deploy', { clusters: [{ ...here, stack: 'test' }, here] }]).then((all) => all?.length), 1);
  const unsaid = { account: 'prod', application: 'shop' };
  for (const clusters of [[unsaid], [{ ...here, stack: 'test' }, unsaid], [unsaid, { ...here, stack: 'test' }]])
    t.equal((await under(['deploy', { clusters }]))?.length, 1, 'a cluster that is not named may be this one');
  t.same(await under(['resizeServerGroup', { asgName: 'shop-prod-v042', credentials: 'prod' }]).then((all) => all?.length), 1);
  t.same(await under(['resizeServerGroup', { asgName: 'shop-prod-canary-v042', credentials: 'prod' }]), []);
  t.same(await under(['disableCluster', { cluster: 'shop-prod', credentials: 'test' }]), [], 'another account');
  t.same(await under(['madeByAPlugin']).then((all) => all?.length), 1, 'what nobody knows may be a deploy');

  const parent = stage('deploy', { clusters: [here] });
  gate.executions = [
    { id: '01H', name: 'To prod', status: 'RUNNING', stages: [parent, stage('createServerGroup', {}, { parentStageId: parent.id })] },
  ];
  t.equal((await ask()).release?.deploying.length, 1, 'the stages of a stage are not told beside it');
  const elsewhere = stage('deploy', { clusters: [{ ...here, stack: 'test' }] });
  gate.executions = [
    { id: '01H', name: 'x', status: 'RUNNING', stages: [elsewhere, stage('createServerGroup', {}, { parentStageId: elsewhere.id })] },
  ];
  t.same((await ask()).release?.deploying, [], 'a stage is where the one is that it is part of');

  gate.executions = [];
  gate.tasks = [
    { id: '01T', name: 'Resize', status: 'RUNNING', stages: [stage('resizeServerGroup', { serverGroupName: 'shop-prod-v042' })] },
  ];
  t.same((await ask()).release?.deploying, ['task "Resize" (01T): stage "resizeServerGroup" (resizeServerGroup) is running']);
  const many = Array.from({ length: 7 }, () => stage('deploy'));
  gate.tasks = [{ id: '01T', name: 'Much', status: 'RUNNING', stages: many }];
  t.match((await ask()).release?.deploying, { length: 6, 5: 'and 2 more' });
});

test('Gate that restarts is asked again, and one that leads to a login or hangs is no answer', async (t) => {
  const gate = await fakeGate({ token: secret });
  t.teardown(() => gate.close());
  gate.groups = [serverGroup('shop-prod-v042', first)];
  const { ask } = await over(gateManifest(gate.address));
  let failures = 2;
  gate.hinder = ({ url }) => (url.pathname.endsWith('/tasks') && failures-- > 0 ? (failures === 1 ? 'break' : { status: 503 }) : null);
  t.equal((await ask()).revision, first);
  gate.hinder = () => ({ status: 200, json: '<html>Sign in</html>' });
  await t.rejects(ask(), { code: 'unavailable', message: /something other than JSON/ });
  gate.hinder = () => null;
  const stranger = await over(gateManifest(gate.address).replace(', tokenEnv: CI_TOKEN', ''));
  await t.rejects(stranger.ask(), { code: 'denied', message: /a login/ });
  const misnamed = await over(gateManifest(gate.address, ', cluster: shop-porduction'));
  await t.rejects(misnamed.ask(), { code: 'not-found', message: /shop-porduction/ });
  const inside = await over(gateManifest(gate.address), 100_000, egress([]));
  const before = gate.asked.length;
  await t.rejects(inside.ask(), { code: 'refused', message: /Gate cannot be asked: nothing is sent there.*HALDANE_ALLOW/ });
  t.equal(gate.asked.length, before, 'an address in our own network that nobody allowed gets no credentials');
  gate.hinder = () => 'silence';
  const hurried = await over(gateManifest(gate.address), 500);
  await t.rejects(hurried.ask(), { code: 'unavailable', message: /spinnaker did not answer within 0.5 s|Gate did not answer/ });
});

test('GitHub: live is the newest deployment that succeeded, over as many pages as it takes', async (t) => {
  const hub = await fakeGitHub({ token: secret, perPage: 2 });
  t.teardown(() => hub.close());
  const { ask } = await over(hubManifest(hub.address));
  await t.rejects(ask(), { code: 'not-found', message: /no deployment of acme\/shop to production has succeeded yet/ });
  const misnamed = await over(hubManifest(hub.address, ', environment: prod'));
  await t.rejects(misnamed.ask(), { code: 'not-found', message: /no environment prod; known: production, staging/ });

  hub.begin(first, 'success');
  hub.begin(second, 'success', 'staging');
  for (const state of ['failure', 'error', 'failure']) hub.begin(second, state);
  const said = await ask();
  t.match(said, { revision: first, pipeline: 'github-actions', source: 'shop-prod', deployInProgress: false });
  t.match(said.release?.said, [
    { said: '1000 of main to production (acme/shop)' },
    { what: 'commit', said: 'Charge once, 2026-01-02T03:04:05Z' },
  ]);
  t.equal(new Date(said.release?.since ?? 0).toISOString(), '2026-01-02T10:02:00.000Z');

  for (const state of [null, 'queued', 'pending', 'in_progress', 'waiting', 'a state of the future']) {
    const deployment = hub.begin(second, state);
    t.match((await ask()).release?.deploying, [
      new RegExp(`deployment ${deployment.id} of bbbbbbbbbbbb to production is ${state ?? 'created'}`),
    ]);
    hub.move(deployment, 'failure');
  }
  const slow = hub.begin(second, 'in_progress');
  hub.begin('c'.repeat(40), 'success');
  t.match(await ask(), { revision: 'c'.repeat(40), deployInProgress: true }, 'an older one that is still at work');
  hub.move(slow, 'error');
  t.equal((await ask()).deployInProgress, false);
});

test('GitHub: a run of the workflow that deploys is a deploy in progress but for its harmless jobs', async (t) => {
  const hub = await fakeGitHub({ token: secret });
  t.teardown(() => hub.close());
  hub.begin(first, 'success');
  const { ask } = await over(hubManifest(hub.address, ', workflow: deploy.yml, harmless: [canary]'));
  const during = async (status: string, ...jobs: (readonly [string, string])[]) => {
    hub.runs = [{ id: 501, status, jobs: jobs.map(([name, state]) => ({ name, status: state })) }];
    return (await ask()).release?.deploying;
  };
  t.same(await during('completed', ['deploy', 'completed']), []);
  t.same(await during('in_progress', ['deploy', 'completed'], ['canary (keys)', 'in_progress']), [], 'the job that asks Haldane');
  t.same(await during('in_progress', ['deploy (eu)', 'in_progress'], ['canary', 'in_progress']), [
    'run 1 of deploy.yml is in_progress: deploy (eu)',
  ]);
  const canaries = Array.from({ length: 100 }, (_, n) => [`canary (${n})`, 'in_progress'] as const);
  t.same(await during('in_progress', ...canaries), []);
  t.same(
    await during('in_progress', ...canaries, ['deploy', 'in_progress']),
    ['run 1 of deploy.yml is in_progress: deploy'],
    'one of many jobs',
  );
  t.same(await during('queued'), ['run 1 of deploy.yml is queued: its next job']);
  const over100 = Array.from({ length: 100 }, (_, n) => ({ id: 600 + n, status: 'completed', jobs: [] }));
  hub.runs = [{ id: 501, status: 'waiting', jobs: [{ name: 'deploy', status: 'waiting' }] }, ...over100];
  t.same((await ask()).release?.deploying, ['run 1 of deploy.yml is waiting: deploy'], 'one that has waited while a hundred others ended');
  hub.runs = Array.from({ length: 1_001 }, (_, n) => ({ id: 10_000 + n, status: 'queued', jobs: [{ name: 'canary', status: 'queued' }] }));
  await t.rejects(ask(), { code: 'unavailable', message: /more than 1000 runs .*cannot be told/ });
  const lost = await over(hubManifest(hub.address, ', workflow: release.yml'));
  await t.rejects(lost.ask(), { code: 'not-found', message: /release\.yml/ });
});

test('GitHub: what holds still costs nothing, and a limit that is spent is told and not pressed', async (t) => {
  const hub = await fakeGitHub({ token: secret });
  t.teardown(() => hub.close());
  hub.begin(first, 'success');
  const clock = new VirtualClock();
  const file = (await over(hubManifest(hub.address))).file;
  const { interrogate } = manifestPipeline({
    locate: () => file,
    env,
    revisionOf: async () => null,
    readers: openReaders({ clock, withinMs: 100_000, egress: here }),
  });
  const ask = () => interrogate(service, AbortSignal.timeout(100_000));
  await ask();
  const left = hub.remaining;
  await ask();
  t.equal(hub.remaining, left, 'asked again by its ETag');
  hub.remaining = 0;
  t.equal((await ask()).revision, first, 'which a spent limit does not hinder');
  hub.now = clock.now();
  hub.begin(second, 'in_progress');
  const error: unknown = await ask().catch((reason: unknown) => reason);
  t.match(error, { code: 'throttled', message: /may be asked again at \d{4}-/ });
  const asked = hub.asked.length;
  await t.rejects(ask(), { code: 'throttled' });
  t.equal(hub.asked.length, asked, 'nothing is asked meanwhile');
  hub.remaining = 10;
  await clock.advance(2_000_000);
  t.equal((await ask()).deployInProgress, true);

  hub.hinder = () => ({ status: 429, headers: { 'retry-after': '30' } });
  await t.rejects(ask(), { code: 'throttled' });
  await clock.advance(31_000);
  hub.hinder = () => ({ status: 403, json: { message: 'Resource not accessible by integration' } });
  await t.rejects(ask(), { code: 'denied', message: /check the credentials/ });
  hub.hinder = () => ({ status: 301, headers: { location: 'https://elsewhere.example.com/' } });
  await t.rejects(ask(), { code: 'denied', message: /not sent on/ });
  hub.hinder = ({ url }) =>
    url.pathname.endsWith('/deployments')
      ? { status: 200, json: [], headers: { link: '<https://elsewhere.example.com/x>; rel="next"' } }
      : null;
  await t.rejects(ask(), { code: 'unavailable', message: /not its own/ });
});

test('a manifest that names its pipeline badly is refused with what to write', async (t) => {
  const refuses = async (pipeline: string, message: RegExp) =>
    t.rejects((await over(manifest(`pipeline: ${pipeline}`))).ask(), { code: 'bad-document', message });
  const gate = 'application: shop, account: prod';
  await refuses(`{ spinaker: {} }`, /spinaker.*spinnaker/s);
  await refuses(`{}`, /pipeline/);
  await refuses(
    `{ spinnaker: { gate: "http://gate.example.com", ${gate}, tokenEnv: CI_TOKEN } }`,
    /pipeline\.spinnaker\.gate: .*write https/,
  );
  await refuses(`{ spinnaker: { gate: "https://me:CANARY@gate.example.com", ${gate} } }`, /no address of Gate/);
  await refuses(`{ spinnaker: { gate: "https://gate.example.com", ${gate}, tokenEnv: NOT_SET } }`, /NOT_SET is not set/);
  await refuses(`{ spinnaker: { gate: "https://gate.example.com", ${gate}, user: me } }`, /passwordEnv/);
  await refuses(`{ github-actions: { repository: shop, tokenEnv: CI_TOKEN } }`, /owner\/name/);
  await refuses(`{ github-actions: { repository: acme/.., tokenEnv: CI_TOKEN } }`, /owner\/name/);
  await refuses(`{ github-actions: { repository: acme/shop, tokenEnv: CI_TOKEN, workflow: ../x.yml } }`, /no file of a workflow/);
});

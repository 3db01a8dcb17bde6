import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeploymentPipeline } from '@haldane/core';
import { manifestPipeline, openReaders } from '@haldane/pipelines';
import { deploymentPipelineContract, type PipelineUnderTest } from '@haldane/testkit';
import { after, type Test, test } from 'tap';
import { callOf, type FakeCodeDeploy, type FakeDeployment, fakeCodeDeploy, refuse } from './testing/fake-codedeploy.ts';
import { openRoom } from './testing/room.ts';

/* CodeDeploy is asked through the SDK, over HTTP, at a server that answers as AWS documents it. */

const room = await openRoom();
after(() => room.leave());
const secret = 'CANARY-secret-key';
// Credentials are found as the SDK finds them.
process.env['AWS_ACCESS_KEY_ID'] = 'AKIDSHOP';
process.env['AWS_SECRET_ACCESS_KEY'] = secret;
const service = { service: 'shop', environment: 'production' };
const first = 'a'.repeat(40);
const second = 'b'.repeat(40);

const settings = 'application: shop, deploymentGroup: prod';
const manifest = (more: string, cluster = 'shop-prod') => `service: shop
environment: production
owner: { team: shop-team, contact: "#shop" }
platform: aws
deployed: { cluster: ${cluster}, route: "shop-alb:443/10" }
pipeline: { codedeploy: { ${more} } }`;

let files = 0;
async function over(text: string, address: string, { withinMs = 100_000, region = 'eu-west-1' } = {}): Promise<DeploymentPipeline> {
  files += 1;
  const file = join(room.folder, `${files}.yaml`);
  await writeFile(file, text);
  return manifestPipeline({
    locate: (asked) => (asked.service === 'shop' ? file : null),
    env: { HALDANE_AWS_ENDPOINT: address, HALDANE_AWS_REGION: region },
    revisionOf: async () => null,
    readers: openReaders({ withinMs }),
  });
}

async function played(t: Test, more = '', cluster = 'shop-prod', options: { withinMs?: number; region?: string } = {}) {
  const aws = await fakeCodeDeploy({ application: 'shop', group: 'prod', key: 'AKIDSHOP' });
  t.teardown(() => aws.close());
  const pipeline = await over(manifest(settings + more, cluster), aws.address, options);
  return { aws, ask: () => pipeline.interrogate(service, AbortSignal.timeout(100_000)) };
}

async function byCodeDeploy(): Promise<PipelineUnderTest> {
  const aws = await fakeCodeDeploy({ application: 'shop', group: 'prod', key: 'AKIDSHOP' });
  return {
    pipeline: await over(manifest(settings), aws.address),
    service,
    secret,
    deploy: async (revision) => void aws.begin(revision, 'Succeeded'),
    async begin(revision) {
      const deployment = aws.begin(revision, 'InProgress');
      return async () => void Object.assign(deployment, { status: 'Succeeded', completeTime: deployment.createTime + 120 });
    },
    async silence() {
      aws.hinder = () => 'break';
      return async () => {
        aws.hinder = () => null;
      };
    },
    close: () => aws.close(),
  };
}

test('CodeDeploy says what is live, or that it does not know', (t) => deploymentPipelineContract(t, 'CodeDeploy', byCodeDeploy));

const s3 = (key: string, mark: { version?: string; eTag?: string } = {}): Partial<FakeDeployment> => ({
  revision: { revisionType: 'S3', s3Location: { bucket: 'releases', key, bundleType: 'zip', ...mark } },
});

test('the release is the commit, or the bundle with what tells its bytes apart', async (t) => {
  const { aws, ask } = await played(t);
  aws.begin(first, 'Succeeded');
  const said = await ask();
  t.match(said, { revision: first, pipeline: 'codedeploy', source: 'shop-prod', deployInProgress: false });
  t.equal(new Date(said.release?.since ?? 0).toISOString(), '2023-11-14T22:15:20.250Z');
  t.same(said.release?.said, [
    { what: 'deployment', said: 'd-A1B2C3D0 of shop to prod, in place' },
    { what: 'repository', said: 'acme/shop' },
    { what: 'Auto Scaling groups', said: 'shop-prod' },
  ]);
  const named = async (more: Partial<FakeDeployment>) => {
    aws.begin('', 'Succeeded', more);
    return (await ask()).release?.revision;
  };
  t.equal(await named(s3('shop.zip', { version: '3HL4k', eTag: '"dd56"' })), 's3://releases/shop.zip version 3HL4k');
  t.equal(await named(s3('shop.zip', { eTag: '"dd56"' })), 's3://releases/shop.zip etag dd56');
  t.equal(await named(s3('shop.zip')), 's3://releases/shop.zip by d-A1B2C3D3');
  t.equal(await named({ revision: { revisionType: 'AppSpecContent', appSpecContent: { sha256: '1f' } } }), 'AppSpecContent sha256 1f');
  aws.begin(second, 'Succeeded', { creator: 'autoscaling' });
  t.match(await ask(), { revision: second, release: { since: null } }, 'on a new instance was installed what was live before');
});

test('a commit that stands in the key or the description is found where the rule says, and is not guessed elsewhere', async (t) => {
  const rule = (where: string, like: string) => `, commit: { in: ${where}, like: "${like}" }`;
  const live = async (more: string, deployment: Partial<FakeDeployment>) => {
    const { aws, ask } = await played(t, more);
    aws.begin('', 'Succeeded', deployment);
    return (await ask()).release;
  };
  const key = `eu/shop-42-${first}.zip`;
  t.match(await live(rule('key', '*/shop-*-{commit}.zip'), s3(key, { version: 'v1' })), {
    revision: first,
    artifact: `s3://releases/${key} version v1`,
  });
  const told = { ...s3('shop.zip', { version: 'v1' }), description: `build 42 of ${second}\nby CI` };
  t.match(await live(rule('description', 'build * of {commit}*'), told), { revision: second });
  const unlike = await live(rule('key', 'eu/shop-{commit}.zip'), s3(key, { version: 'v1' }));
  t.match(unlike, { revision: `s3://releases/${key} version v1`, artifact: null });
  t.match(
    unlike?.said.find(({ what }) => what === 'commit'),
    { said: 'not known: the key of d-A1B2C3D0 is not like eu/shop-{commit}.zip (pipeline.codedeploy.commit.like)' },
  );
  for (const other of ['eu/shop-42-abc.zip', `eu/shop-42-${first}${first}.zip`, 'eu/shop-42-ABCDEF12.zip', 'eu/shop-42-releases.zip'])
    t.match(await live(rule('key', 'eu/shop-*-{commit}.zip'), s3(other, { version: 'v1' })), { revision: /^s3:/ }, other);
});

test('whatever is not over is a deploy in progress, in whatever state and however old, and by its name', async (t) => {
  const { aws, ask } = await played(t);
  const old = aws.begin(second, 'Queued');
  aws.begin(first, 'Succeeded');
  const deploying = async () => (await ask()).release?.deploying;
  t.same(await deploying(), [`deployment d-A1B2C3D0 of ${second} is Queued`], 'also when it was created before what is live');
  old.status = 'Stopped';
  t.same(await deploying(), []);
  for (const status of ['Created', 'Queued', 'InProgress', 'Baking', 'Ready', 'AStateOfTheFuture']) {
    const one = aws.begin(second, status);
    t.same(await deploying(), [`deployment ${one.deploymentId} of ${second} is ${status}`]);
    t.match(await ask(), { revision: first, deployInProgress: true });
    Object.assign(one, { status: 'Failed', deploymentOverview: { Pending: 2, Succeeded: 0, Failed: 0 } });
    t.same(await deploying(), [], 'it ended before it began on any instance');
  }
  const back = aws.begin(first, 'InProgress', { creator: 'codeDeployRollback' });
  t.same(await deploying(), [`rollback ${back.deploymentId} of ${first} is InProgress`]);
  back.status = 'Succeeded';
  const late = aws.begin(first, 'InProgress', { creator: 'autoscaling' });
  t.same(await deploying(), [`deployment ${late.deploymentId} of ${first} to a new instance is InProgress`]);
  late.status = 'Failed';
  t.same(await deploying(), [], 'an instance on which it failed does not stay');
  for (let n = 0; n < 7; n += 1) aws.begin(second, 'Queued');
  t.match(await deploying(), { length: 6, 5: 'and 2 more' });
});

test('the last deployment to the whole group is found however many instances were launched since', async (t) => {
  const { aws, ask } = await played(t);
  const ofDaysAgo = (days: number) => ({ createTime: 1_700_000_000 - days * 86_400 });
  const launched = (days: number) => aws.begin(first, 'Succeeded', { creator: 'autoscaling', ...ofDaysAgo(days) });
  const half = () => aws.begin(second, 'Failed', { deploymentId: 'd-HALF', deploymentOverview: undefined, ...ofDaysAgo(21) });
  aws.begin(first, 'Succeeded', ofDaysAgo(20));
  launched(10);
  launched(0);
  t.match(await ask(), { revision: first, deployInProgress: false });
  aws.deployments.splice(0, 1);
  t.match(await ask(), { deployInProgress: false }, 'whoever keeps no more has nothing half way');
  half();
  t.match(await ask(), { deployInProgress: true }, 'nothing has succeeded on all of it since');
});

test('after a deployment that ended half way nobody knows what runs, until one succeeds', async (t) => {
  const { aws, ask } = await played(t);
  aws.begin(first, 'Succeeded');
  const deploying = async () => (await ask()).release?.deploying;
  aws.begin(second, 'Failed', { deploymentOverview: { Pending: 0, InProgress: 0, Succeeded: 1, Failed: 1, Skipped: 2, Ready: 0 } });
  t.same(await deploying(), [
    `deployment d-A1B2C3D1 of ${second} failed after it had begun, and nothing was deployed since: its instances may run either; deploy again, or roll back`,
  ]);
  t.equal((await ask()).deployInProgress, true);
  aws.begin(second, 'Stopped', { deploymentOverview: { Skipped: 3 } });
  t.match(await deploying(), [/^deployment d-A1B2C3D1 /], 'one that began nowhere changes nothing');
  aws.begin(second, 'Stopped', { deploymentOverview: undefined });
  t.match(await deploying(), [/^deployment d-A1B2C3D3 .* was stopped after it had begun/], 'it does not say how far it came');
  aws.begin(first, 'Succeeded', { creator: 'autoscaling' });
  t.match(await deploying(), [/^deployment d-A1B2C3D3 /], 'an instance that is launched meanwhile makes the others no better');
  aws.begin(first, 'Succeeded', { creator: 'codeDeployRollback' });
  t.match(await ask(), { revision: first, deployInProgress: false, release: { deploying: [] } });
});

test('after a blue/green deployment another Auto Scaling group takes traffic', async (t) => {
  const { aws, ask } = await played(t);
  aws.begin(first, 'Succeeded');
  t.equal((await ask()).source, 'shop-prod');
  Object.assign(aws, { isBlueGreen: true });
  const next = aws.begin(second, 'InProgress', { instanceTerminationWaitTimeStarted: true });
  t.match(await ask(), { source: 'shop-prod', release: { deploying: [/is InProgress, until its old instances are ended$/] } });
  next.status = 'Succeeded';
  aws.autoScalingGroups = ['CodeDeploy_prod_d-A1B2C3D1'];
  t.match(await ask(), { source: 'CodeDeploy_prod_d-A1B2C3D1', revision: second, deployInProgress: false });
  aws.autoScalingGroups = ['one', 'two'];
  await t.rejects(ask(), { code: 'not-found', message: /deployment group prod deploys to one, two: name one of them as deployed.cluster/ });
  aws.autoScalingGroups = ['one', 'shop-prod'];
  t.equal((await ask()).source, 'shop-prod');
  aws.autoScalingGroups = [];
  t.match(await ask(), { source: 'shop-prod', release: { said: [{}, {}, { said: /found by tags/ }] } });
});

test('what is over is not asked for again, over as many pages as it takes, and more than can be read is no answer', async (t) => {
  const { aws, ask } = await played(t);
  aws.begin(first, 'Succeeded');
  for (let n = 0; n < 60; n += 1) aws.begin(second, 'Failed', { deploymentOverview: { Skipped: 1 } });
  aws.perPage = 7;
  const asked: string[] = [];
  aws.hinder = (one) => {
    asked.push(callOf(one));
    return null;
  };
  t.match(await ask(), { revision: first, deployInProgress: false });
  t.equal(asked.filter((call) => call === 'BatchGetDeployments').length, 4, 'the live one, and sixty by twenty-five');
  asked.length = 0;
  await ask();
  t.same([...new Set(asked)].sort(), ['GetDeploymentGroup', 'ListDeployments']);
  aws.perPage = 6;
  await t.rejects(ask(), { code: 'unavailable', message: /more than 60 deployments since the last that succeeded: .* cannot be told/ });
});

test('a deployment that ends while it is asked about is live in the next look, and a contradiction is no answer', async (t) => {
  const { aws, ask } = await played(t);
  aws.begin(first, 'Succeeded');
  const next = aws.begin(second, 'InProgress');
  let lists = 0;
  aws.hinder = (asked) => {
    lists += callOf(asked) === 'ListDeployments' ? 1 : 0;
    if (lists === 2) next.status = 'Succeeded';
    return null;
  };
  t.match(await ask(), { revision: second, deployInProgress: false });
  const stale = { lastSuccessfulDeployment: { deploymentId: 'd-A1B2C3D0', status: 'Succeeded' } };
  aws.hinder = (asked) => (callOf(asked) === 'GetDeploymentGroup' ? { status: 200, json: { deploymentGroupInfo: stale } } : null);
  await t.rejects(ask(), { code: 'unavailable', message: /says that d-A1B2C3D0 was the last to succeed on prod, and that d-A1B2C3D1/ });
});

test('CodeDeploy that refuses, is throttled, hangs or talks nonsense is no answer, in words that name the call', async (t) => {
  const { aws, ask } = await played(t);
  await t.rejects(ask(), { code: 'not-found', message: 'no deployment of shop to prod has succeeded yet' });
  aws.begin(first, 'Succeeded');
  const misnamed = await over(manifest(settings.replace('prod', 'porduction')), aws.address);
  await t.rejects(misnamed.interrogate(service, AbortSignal.timeout(100_000)), {
    code: 'not-found',
    message: /GetDeploymentGroup: DeploymentGroupDoesNotExistException: No Deployment Group found for name: porduction/,
  });
  const answers = (answer: ReturnType<FakeCodeDeploy['hinder']>, call: string) => {
    aws.hinder = (asked) => (callOf(asked) === call ? answer : null);
  };
  for (const call of ['GetDeploymentGroup', 'ListDeployments', 'BatchGetDeployments']) {
    aws.begin(second, 'Failed');
    answers(refuse('AccessDeniedException', `User: shop is not authorized to perform: codedeploy:${call}`), call);
    await t.rejects(ask(), { code: 'denied', message: new RegExp(`AWS codedeploy ${call}: AccessDeniedException: .*not authorized`) });
    answers(refuse('ThrottlingException', 'Rate exceeded'), call);
    await t.rejects(ask(), { code: 'throttled', message: new RegExp(`${call}: ThrottlingException: Rate exceeded`) });
    for (const [json, words] of [
      ['<html>Sign in</html>', call],
      [{}, `${call} answered in a form that is not known here`],
    ] as const) {
      answers({ status: 200, json, headers: { 'content-type': 'application/x-amz-json-1.1' } }, call);
      await t.rejects(ask(), { code: 'unavailable', message: new RegExp(words) });
    }
  }
  answers({ status: 200, json: { deploymentsInfo: [] } }, 'BatchGetDeployments');
  aws.begin(second, 'Failed');
  await t.rejects(ask(), { code: 'unavailable', message: /does not say what deployment d-A1B2C3D\d is/ });
  let failures = 2;
  aws.hinder = () => (failures-- > 0 ? (failures === 1 ? 'break' : { status: 503, json: {} }) : null);
  t.equal((await ask()).revision, first, 'what may pass is tried again');

  const hurried = await played(t, '', 'shop-prod', { withinMs: 600 });
  hurried.aws.hinder = () => 'silence';
  await t.rejects(hurried.ask(), { code: 'unavailable', message: /codedeploy did not answer within 0.6 s|GetDeploymentGroup/ });
  const stranger = await fakeCodeDeploy({ application: 'shop', group: 'prod', key: 'AKIDOTHER' });
  t.teardown(() => stranger.close());
  const unknown = await over(manifest(settings), stranger.address);
  await t.rejects(unknown.interrogate(service, AbortSignal.timeout(100_000)), { code: 'denied', message: /UnrecognizedClientException/ });
});

test('a manifest that names CodeDeploy badly is refused with what to write', async (t) => {
  const refuses = async (more: string, message: RegExp, region = 'eu-west-1') => {
    const pipeline = await over(manifest(more), 'http://127.0.0.1:9', { region });
    await t.rejects(pipeline.interrogate(service, AbortSignal.timeout(10_000)), { code: 'bad-document', message });
  };
  await refuses('application: shop', /deploymentGroup/);
  await refuses(`${settings}, region: Ireland`, /write it like eu-west-1/);
  await refuses(`${settings}, region: "eu-west-1.evil.example/x-1"`, /no region of AWS/);
  await refuses(settings, /pipeline\.codedeploy\.region is missing, and HALDANE_AWS_REGION is not set; write the region/, '');
  await refuses(`${settings}, commit: { in: key, like: "releases/*.zip" }`, /write \{commit\} in its place/);
  await refuses(`${settings}, commit: { in: key, like: "*/*/*/{commit}" }`, /at most two \*/);
  await refuses(`${settings}, commit: { in: name, like: "{commit}" }`, /commit\.in.*key/s);
});

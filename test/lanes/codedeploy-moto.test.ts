import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestPipeline, openReaders } from '@haldane/pipelines';
import { standingBefore, startMoto } from '@haldane/platforms/aws-testing';
import { t as file, test } from 'tap';
import { openRoom } from '../testing/room.ts';

/*
 * CodeDeploy in an account that moto's server plays, through the SDK. Applications, groups, deployments and their lists, by state and by time, are moto's. In it
 * no deployment ever ends, no group knows its last success, and of Auto Scaling groups it tells how many, without their names: that is filled in here, for the deployments named in `succeeded`.
 */

const moto = process.env['LANE_MOTO'];

if (moto === undefined) {
  test('CodeDeploy in an account of moto', { skip: 'LANE_MOTO names no moto_server; .ci/run installs one' }, async () => undefined);
} else {
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  const server = await startMoto(moto);
  file.teardown(() => server.stop());
  const succeeded: string[] = [];
  const filled = await standingBefore(server.url, async ({ asked }, pass) => {
    const answer = await pass();
    if (answer.status !== 200) return answer;
    const told = JSON.parse(answer.body.toString()) as Told;
    const group = told.deploymentGroupInfo;
    if (group !== undefined) group.autoScalingGroups = group.autoScalingGroups.map(() => ({ name: 'shop-green' }));
    if (group !== undefined && succeeded.length > 0) group.lastSuccessfulDeployment = { deploymentId: succeeded.at(-1) };
    for (const one of told.deploymentsInfo ?? []) if (succeeded.includes(one.deploymentId)) one.status = 'Succeeded';
    // Moto filters by its own states, and what has succeeded is not open.
    if (asked['includeOnlyStatuses'] !== undefined) told.deployments = (told.deployments ?? []).filter((id) => !succeeded.includes(id));
    return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: Buffer.from(JSON.stringify(told)) };
  });
  file.teardown(() => filled.close());

  test('the reader finds what is live and what is under way among the deployments of a group', async (t) => {
    const room = await openRoom();
    t.teardown(() => room.leave());
    const manifest = join(room.folder, 'service.yaml');
    await writeFile(
      manifest,
      `service: shop
environment: production
owner: { team: shop-team, contact: "#shop" }
platform: aws
deployed: { cluster: shop-blue, route: "shop-alb:443" }
pipeline: { codedeploy: { application: shop, deploymentGroup: prod, region: eu-west-1 } }
`,
    );
    const pipeline = manifestPipeline({
      locate: () => manifest,
      env: { HALDANE_AWS_ENDPOINT: filled.url },
      revisionOf: async () => null,
      readers: openReaders({ withinMs: 60_000 }),
    });
    const ask = () => pipeline.interrogate({ service: 'shop', environment: 'production' }, AbortSignal.timeout(60_000));
    const call = async <T>(name: string, input: object): Promise<T> => {
      const authorization = 'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/codedeploy/aws4_request, SignedHeaders=host, Signature=0';
      const headers = { authorization, 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `CodeDeploy_20141006.${name}` };
      const answer = await fetch(server.url, { method: 'POST', headers, body: JSON.stringify(input) });
      return (await answer.json()) as T;
    };
    const of = { applicationName: 'shop', deploymentGroupName: 'prod' };
    const deploy = async (commitId: string) => {
      const revision = { revisionType: 'GitHub', gitHubLocation: { repository: 'acme/shop', commitId } };
      return (await call<{ deploymentId: string }>('CreateDeployment', { ...of, revision })).deploymentId;
    };

    await t.rejects(ask(), { code: 'not-found', message: /ApplicationDoesNotExistException/ });
    await call('CreateApplication', { applicationName: 'shop', computePlatform: 'Server' });
    await t.rejects(ask(), { code: 'not-found', message: /DeploymentGroupDoesNotExistException/ });
    await call('CreateDeploymentGroup', {
      ...of,
      serviceRoleArn: 'arn:aws:iam::123456789012:role/deploys',
      autoScalingGroups: ['shop-green'],
    });
    await t.rejects(ask(), { code: 'not-found', message: /no deployment of shop to prod has succeeded yet/ });

    const old = await deploy('0'.repeat(40));
    const live = await deploy('a'.repeat(40));
    succeeded.push(old, live);
    t.match(await ask(), { revision: 'a'.repeat(40), source: 'shop-green', deployInProgress: false });
    const next = await deploy('b'.repeat(40));
    t.match(await ask(), {
      revision: 'a'.repeat(40),
      deployInProgress: true,
      release: { deploying: [`deployment ${next} of ${'b'.repeat(40)} is Created`] },
    });
    succeeded.push(next);
    t.match(await ask(), { revision: 'b'.repeat(40), deployInProgress: false });
  });
}

type Told = {
  deploymentGroupInfo?: { lastSuccessfulDeployment: object; autoScalingGroups: unknown[] };
  deploymentsInfo?: { deploymentId: string; status: string }[];
  deployments?: string[];
};

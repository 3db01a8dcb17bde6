import { type Meters, systemClock } from '@haldane/core';
import { cloudWatchMetrics, connectCloudWatch } from '@haldane/metrics';
import { type AwsCalls, awsPlatform, connectAws } from '@haldane/platforms';
import { deploymentOf, lookAt, sdkStand, templateTags } from '@haldane/platforms/aws-testing';
import { Fuse } from '@haldane/testkit';
import { test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { goThrough, namesResources, putBack, somebodyElse, wrongs } from '../testing/aws-life.ts';
import type { Refusal } from '../testing/hindering-proxy.ts';
import { lives, motoConnection, openAccount } from '../testing/moto-account.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';

/* Lives of runs in accounts that moto's server plays: the real SDK over real HTTP. What is exhaustive in memory (test/crash/aws.test.ts) is a sample here, but for LANE=full. */

const moto = process.env['LANE_MOTO'];
const full = process.env['LANE'] === 'full';
const never = new AbortController().signal;

if (moto === undefined) {
  test(
    'whole lives of runs in an account of moto',
    { skip: 'LANE_MOTO names no moto_server; .ci/run installs one' },
    async () => undefined,
  );
} else {
  allowSeconds(full ? 7_200 : 900);
  const seed = seedOfSamples();
  const accounts = await Promise.all([openAccount(moto), openAccount(moto)]);
  const [account] = accounts;
  const { live, proxy } = account;
  /** Past this, what is hindered counts as stuck. One try is always made. */
  const deadlineMs = 500;
  /** Where nothing stands in the way but a busy machine. */
  const patientMs = 180_000;
  const tried = (went: Promise<void>) =>
    went.then(
      () => 'went through',
      (error: Error) => error.message,
    );

  test('a run goes from the plan to the watch and back, and the account is what it was', (t) =>
    live(async (scene) => {
      await goThrough(scene, scene.stand.calls);
      t.not(JSON.stringify(await lookAt(scene.stand)), JSON.stringify(scene.before), 'it was there');
      t.match(await putBack(scene, scene.stand.calls, patientMs), { clean: true, stuck: [], superseded: [] });
      t.same(await wrongs(scene, scene.before), []);
    }));

  test('what a run made is tagged with a later expiry while the run lives: target groups, launch templates and groups', async (t) => {
    // Moto tells the tags of launch templates that are gone, too.
    await account.forget();
    await live(async (scene) => {
      const { stand, runId } = scene;
      await goThrough(scene, stand.calls);
      // A process that knows nothing of what another wrote: it writes at once.
      const sidecar = { start: 'haldane-sidecar', connect: scene.sidecars.connect };
      const platform = awsPlatform({ calls: stand.calls, clock: systemClock, sidecar, expiryAheadMs: 60_000 });
      const until = Date.now() + 7_200_000;
      await platform.renew(runId, until, never);
      const told = [
        ...(await expiriesOf(stand.calls, runId)),
        ...(await templateTags({ ...motoConnection, endpoint: proxy.url }, expires)),
      ];
      t.same(told, Array(6).fill(new Date(until + 60_000).toISOString()));
      t.ok((await putBack(scene, stand.calls, patientMs)).clean);
    });
  });

  test('the SDK tries again when it is throttled, so that one such answer is not even seen', (t) =>
    live(async ({ stand }) => {
      const { calls, close } = await sdkStand('patient', { ...motoConnection, endpoint: proxy.url });
      proxy.hinder(0, 'Throttling', false);
      t.ok(await calls.groups.group(`${stand.mark}-production`, never));
      t.equal(proxy.met(), 'DescribeAutoScalingGroups', 'it was throttled once');
      close();
    }));

  test('CloudWatch tells what the balancer counted of production and of both arms, minute by minute, and nothing of minutes that it does not know', (t) =>
    live(async (scene) => {
      const { stand, runId } = scene;
      await goThrough(scene, stand.calls);
      const platform = awsPlatform({ calls: stand.calls, clock: systemClock });
      const deployment = deploymentOf(stand);
      const metersOf = async (run: unknown): Promise<Meters> => {
        const meters = await platform.meters?.(deployment, run === runId ? runId : null, never);
        if (meters === undefined) throw new Error('the platform knows no meters');
        return meters;
      };
      const { balancer, groups } = await metersOf(runId);
      const nameOf = (dimension: string | undefined) => dimension?.split('/')[1];
      t.match([nameOf(balancer), balancer], [`${stand.mark}-alb`, /^app\/[^/]+\/[^/]+$/]);
      const named = [...groups.production, ...groups.control, ...groups.experiment];
      t.same(named.map(nameOf), [`${stand.mark}-targets`, `haldane-${runId}-control`, `haldane-${runId}-experiment`]);
      for (const one of named) t.match(one, /^targetgroup\/[^/]+\/\w+$/);
      const first = Math.floor(Date.now() / 60_000) * 60 - 600;
      const put = (group: string | undefined, minute: number, counts: Readonly<Record<string, number>>) =>
        putCounts(proxy.url, balancer, group ?? '', minute, { HealthyHostCount: 2, ...counts });
      for (const minute of [first, first + 60]) {
        await put(groups.production[0], minute, { RequestCount: 90, HTTPCode_Target_2XX_Count: 88, HTTPCode_Target_3XX_Count: 2 });
        await put(groups.control[0], minute, minute === first ? {} : { RequestCount: 4, HTTPCode_Target_2XX_Count: 4 });
      }
      await put(groups.experiment[0], first, {
        RequestCount: 6,
        HTTPCode_Target_2XX_Count: 3,
        HTTPCode_Target_4XX_Count: 1,
        HTTPCode_Target_5XX_Count: 1,
      });
      await put(groups.experiment[0], first + 60, {});
      // Of the third, one arm is not known yet.
      await put(groups.production[0], first + 120, {});
      await put(groups.control[0], first + 120, {});
      let waited = 0;
      const source = cloudWatchMetrics({
        ask: connectCloudWatch({ ...motoConnection, endpoint: proxy.url }),
        clock: { ...systemClock, now: () => systemClock.now() + waited },
        metersOf,
        runOf: async () => ({ production: '', instances: { control: 2, experiment: 2 }, failures: 5, creditRate: 0 }),
        countedOf: async () => ({ at: 0, spent: 0, requests: 0 }),
      });
      t.match(await source.read(runId, first - 1, never), { state: 'unavailable', why: /\(0, 0, 1 of/ }, 'its answer may still come');
      waited = 10_000;
      const reading = await source.read(runId, first - 1, never);
      const points = reading.state === 'ok' ? reading.points : [];
      t.same([points.length, points[0]?.at], [120, first], JSON.stringify(reading).slice(0, 300));
      t.same(points[59]?.real.experiment.classes, [3, 0, 0, 0, 0, 1, 1, 1], 'one of six was answered by no target');
      t.same([points[59]?.real.control.requests, points[119]?.real.control.requests, points[119]?.real.production.requests], [0, 4, 90]);
      t.match(points.at(-1)?.budget, { spent: 2, cap: 5 });
      const advice = await source.advise?.(deployment, 10, never, { baselineSeconds: 180, watchSeconds: 600 });
      t.same(advice?.refusals, []);
      t.ok((await putBack(scene, stand.calls, patientMs)).clean);
    }));

  test('killed at a step, whatever somebody else did meanwhile, a run is put back and theirs is kept', async (t) => {
    const counting = new Fuse();
    await live(async (scene) => {
      await goThrough(scene, scene.stand.calls, counting);
      await putBack(scene, scene.stand.calls, patientMs);
    });
    const steps = counting.count;
    const chosen = full ? Array.from({ length: steps }, (_, step) => step) : draws(seed, 'crash', 6, steps);
    t.comment(`steps ${chosen.join(', ')} of ${steps}, seed ${seed}`);
    /** The account when only somebody else was there. */
    const theirs = await live(async ({ stand }) => {
      await somebodyElse(stand);
      return lookAt(stand);
    });
    const cases = chosen.map((step, at) => ({ step, visit: at % 2 === 0 }));
    await lives(accounts, cases, async ({ step, visit }, scene) => {
      const fuse = new Fuse(step);
      await tried(goThrough(scene, scene.stand.calls, fuse));
      t.ok(fuse.dead, `killed at step ${step}`);
      if (visit) await somebodyElse(scene.stand);
      const restored = await putBack(scene, scene.stand.calls, patientMs);
      t.ok(restored.clean, restored.stuck.join('; '));
      t.same(await wrongs(scene, visit ? theirs : scene.before), [], visit ? 'as if only somebody else had been there' : 'as it was');
    });
  });

  const modes: readonly (readonly [Refusal, boolean])[] = [
    ['Throttling', false],
    ['lost', false],
    ['AccessDenied', false],
    ['NotFound', false],
    ['Conflict', false],
    ['AccessDenied', true],
  ];

  test('whichever call is refused, and however, a run ends restored, or stuck with the resource named', async (t) => {
    const all = await live(async (scene) => {
      proxy.hinder(-1, 'lost', false);
      await goThrough(scene, scene.stand.calls);
      await putBack(scene, scene.stand.calls, patientMs);
      return proxy.calls();
    });
    t.comment(`${all} calls in a life, seed ${seed}`);
    const cases = modes.flatMap(([refusal, forGood]) => {
      const chosen = full ? Array.from({ length: all }, (_, index) => index) : draws(seed, `${refusal}${forGood}`, 3, all);
      return chosen.map((index) => ({ refusal, forGood, index }));
    });
    await lives(accounts, cases, async ({ refusal, forGood, index }, scene, account) => {
      account.proxy.hinder(index, refusal, forGood);
      const went = await tried(goThrough(scene, scene.stand.calls));
      const first = await putBack(scene, scene.stand.calls, deadlineMs);
      const what = `${refusal}${forGood ? ' for good' : ''} at call ${index} (${account.proxy.met()}): ${went}`;
      account.proxy.passOn();
      if (!first.clean) {
        t.ok(first.stuck.length > 0 && namesResources(first), `stuck: ${first.stuck.join('; ')}`);
        const second = await putBack(scene, scene.stand.calls, patientMs);
        t.ok(second.clean, `put back when the right was given back: ${second.stuck.join('; ')}`);
      }
      t.same(await wrongs(scene, scene.before), [], what);
    });
  });

  test('a session whose policy is not in force is refused, and one that is held back is not', (t) =>
    live(async (scene) => {
      const role = 'arn:aws:iam::123456789012:role/haldane';
      const account = await connectAws({ ...motoConnection, endpoint: proxy.url, role }, never);
      t.teardown(() => account.close());
      const refusals = () => {
        const platform = awsPlatform({ calls: account.calls, clock: systemClock, ...(account.sessions && { sessions: account.sessions }) });
        const deployment = deploymentOf(scene.stand);
        return platform.refusals(deployment, never, platform.faults.wire(deployment, 'control', scene.runId).changes);
      };
      // Moto grants everything to everybody, so here the fence is not there.
      t.match((await refusals()).join('; '), /may call ec2:DescribeVpcs/);
      proxy.deny(['DescribeVpcs', 'RunInstances']);
      t.same(await refusals(), []);
      proxy.deny([]);
    }));
}

/** What a balancer would publish of a target group in one minute. AWS lets nobody else write into its namespaces; moto does. */
async function putCounts(
  url: string,
  balancer: string,
  group: string,
  minute: number,
  counts: Readonly<Record<string, number>>,
): Promise<void> {
  const Dimensions = [
    { Name: 'TargetGroup', Value: group },
    { Name: 'LoadBalancer', Value: balancer },
  ];
  const MetricData = Object.entries(counts).map(([MetricName, Value]) => ({ MetricName, Value, Dimensions, Timestamp: minute + 30 }));
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'GraniteServiceVersion20100801.PutMetricData',
      authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/monitoring/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify({ Namespace: 'AWS/ApplicationELB', MetricData }),
  });
  if (!response.ok) throw new Error(`moto did not take the counts of ${group}: ${response.status} ${await response.text()}`);
}

const expires = 'haldane:expires';

/** The expiry in the tags of both arms' target groups and groups. */
async function expiriesOf({ balancing, groups }: AwsCalls, runId: string): Promise<readonly (string | undefined)[]> {
  const names = ['control', 'experiment'];
  const targets = (await balancing.targetGroups('all', never)).filter((one) => one.name.includes(`-${runId}-`)).map((one) => one.arn);
  const tagged = await balancing.tags(targets, never);
  const found = await Promise.all(names.map((arm) => groups.group(`${runId}.${arm}`, never)));
  return [
    ...targets.map((arn) => tagged.get(arn)?.[expires]),
    ...found.map((group) => group?.tags.find(({ key }) => key === expires)?.value),
  ];
}

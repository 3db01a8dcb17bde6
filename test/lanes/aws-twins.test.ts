import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HaldaneClient } from '@haldane/client';
import { systemClock } from '@haldane/core';
import { lookAt, sdkStand, startMoto } from '@haldane/platforms/aws-testing';
import { startStack } from '@haldane/standalone';
import { Fuse } from '@haldane/testkit';
import { t as file, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { putBack, setScene, wrongs } from '../testing/aws-life.ts';
import { cloudtrailTap, type TrailRecord } from '../testing/cloudtrail-tap.ts';
import { startRun } from '../testing/follow.ts';
import { motoTopic } from '../testing/moto-topic.ts';
import { openRoom } from '../testing/room.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';
import { harmTwins } from '../testing/twin-life.ts';

/*
 * Scenarios at twins in an account that moto's server plays: the real SDK over real HTTP, and for the alerts a whole chain of detection: calls as
 * CloudTrail would write them, rules on them, a topic of moto's SNS, and its signed message over HTTP. The tap and the rules are this test's.
 */

const moto = process.env['LANE_MOTO'];
const full = process.env['LANE'] === 'full';

if (moto === undefined) {
  test('runs at twins in an account of moto', { skip: 'LANE_MOTO names no moto_server; .ci/run installs one' }, async () => undefined);
} else {
  // The product finds its credentials as the SDK does.
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  allowSeconds(full ? 1_200 : 600);
  const server = await startMoto(moto);
  file.teardown(() => server.stop());
  let told: (record: TrailRecord) => void = () => undefined;
  const tap = await cloudtrailTap(server.url, (record) => told(record));
  file.teardown(() => tap.close());
  const connection = { region: 'eu-west-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' }, endpoint: tap.url };
  const patientMs = 180_000;
  let stands = 0;
  const newScene = async () => setScene(await sdkStand(`w${(stands++).toString(36)}x`, connection), systemClock);

  test('killed at a step, a run at twins of a security group is put back, and the group itself was never written', async (t) => {
    const counting = new Fuse();
    const whole = await newScene();
    await harmTwins(whole, whole.stand.calls, 'sg-port-open', counting);
    t.not(JSON.stringify(await lookAt(whole.stand)), JSON.stringify(whole.before), 'it was there');
    t.match(await putBack(whole, whole.stand.calls, patientMs), { clean: true, stuck: [] });
    t.same(await wrongs(whole, whole.before), []);
    const steps = counting.count;
    const chosen = full ? Array.from({ length: steps }, (_, step) => step) : draws(seedOfSamples(), 'twins', 4, steps);
    t.comment(`steps ${chosen.join(', ')} of ${steps}, seed ${seedOfSamples()}`);
    for (const step of chosen) {
      const scene = await newScene();
      const fuse = new Fuse(step);
      await harmTwins(scene, scene.stand.calls, 'sg-port-open', fuse).catch(() => undefined);
      t.ok(fuse.dead, `killed at step ${step}`);
      t.match(await putBack(scene, scene.stand.calls, patientMs), { clean: true, stuck: [] });
      t.same(await wrongs(scene, scene.before), []);
    }
  });

  test('the product opens a port at a twin: rules on the trail tell a topic, SNS tells Haldane, and who is deaf or alerts of anything is told so', async (t) => {
    const room = await openRoom();
    t.teardown(() => room.leave());
    const isStrange = (record: TrailRecord) => /198\.51\.100\.0\/24|0\.0\.0\.0\/0/.test(JSON.stringify(record.requestParameters));
    const detectors = {
      sound: isStrange,
      deaf: () => false,
      noisy: (record: TrailRecord) => /192\.0\.2\.1|198\.51/.test(JSON.stringify(record.requestParameters)),
    };
    const stack = await startStack({
      dataDir: join(room.folder, 'data'),
      databaseUrl: null,
      port: 0,
      env: { TINY_TOKEN: 'unused' },
      ephemeral: true,
      aws: { region: connection.region, endpoint: tap.url, addresses: {} },
      fetchSns: (url) => topic.certificate(url),
    });
    room.onLeave(() => stack.stop());
    const topic = await motoTopic(server.url, connection.region, stack.alertUrl('network'));
    const client = new HaldaneClient(stack.access);
    const wanted = { sound: ['resilient', 'in-time'], deaf: ['vulnerable', 'missed'], noisy: ['inconclusive', 'noisy'] };
    for (const [name, fires] of Object.entries(detectors)) {
      const stand = await sdkStand(`t${name}`, connection);
      const before = await lookAt(stand);
      const lost: unknown[] = [];
      told = (record) => {
        const alert = ruled(record, fires);
        if (alert !== null) topic.publish(alert).catch((error: unknown) => lost.push(error));
      };
      const experiment = await written(join(room.folder, name), stand.mark);
      const plan = await client.plan(experiment);
      t.same(plan.refusals, []);
      t.ok(
        plan.notes.some((note) => /which is only read\. .* what differs: its name/.test(note)),
        'the plan says what a twin is not',
      );
      const { ended, run } = await startRun(client, experiment, { withinMs: 200_000 });
      const done = await ended;
      told = () => undefined;
      t.same(lost, []);
      t.match(done.facts.restored, { clean: true, stuck: [], superseded: [] }, JSON.stringify(done.stop));
      const verdict = done.facts.verdict;
      t.same(
        [verdict?.verdict, verdict?.noticed.result],
        wanted[name as keyof typeof wanted],
        verdict?.headline ?? JSON.stringify(done.stop),
      );
      t.same(await lookAt(stand, run.id), before, 'the account is what it was');
      if (name !== 'sound') continue;
      const heard = (await client.evidence(run.id)).alerts.find(({ rule }) => rule === 'sg-open');
      t.match(heard, {
        receiver: 'network',
        severity: 'high',
        fields: { who: /:user\/test$/, what: /AuthorizeSecurityGroupIngress/, where: 'eu-west-1', resource: /^sg-/ },
      });
      t.ok(
        Math.abs((heard?.receivedAt ?? 0) - Date.parse(heard?.fields['when'] ?? '')) < 60_000,
        'with the time of the call and of its arrival',
      );
    }
  });
}

/** The owner's rules: of control's twin being made comes the heartbeat, of what `fires` the alert. */
function ruled(record: TrailRecord, fires: (record: TrailRecord) => boolean): Readonly<Record<string, string>> | null {
  const { eventName, requestParameters: asked, responseElements: answered } = record;
  const common = {
    who: record.userIdentity.arn,
    what: eventName,
    when: record.eventTime,
    where: record.awsRegion,
    source: record.sourceIPAddress,
  };
  if (eventName === 'CreateSecurityGroup' && /^haldane-.*-control$/.test(String(asked['groupName'])))
    return { ...common, rule: 'twin-heartbeat', resource: String(answered['groupId']) };
  if (eventName !== 'AuthorizeSecurityGroupIngress' || !fires(record)) return null;
  return { ...common, rule: 'sg-open', severity: 'high', resource: String(asked['groupId']) };
}

async function written(folder: string, mark: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'service.yaml'),
    `service: tiny-${mark}
environment: test
owner: { team: tests, contact: nobody }
platform: aws
optIn: [sg-port-open]
deployed: { cluster: ${mark}-production, route: "${mark}-alb:80" }
intake: []
`,
  );
  const experiment = join(folder, 'experiment.yaml');
  await writeFile(
    experiment,
    `name: port-open
service: service.yaml
platform: aws
metrics: none
exposure: synthetic
scenario: { id: sg-port-open, params: { like: ${mark}-firewall } }
budget: { failures: 1 }
probes: { hostile: 20/s }
baseline: 5s
watch: 12s
noticed: { rules: [sg-open], receiver: network, within: 10s, fields: [who, what, when, where, resource], heartbeatWithin: 60s }
`,
  );
  return experiment;
}

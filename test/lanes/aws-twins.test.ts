import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HaldaneClient } from '@haldane/client';
import type { TwinOf } from '@haldane/core';
import { lookAt, type ServiceStand, sdkStand } from '@haldane/platforms/aws-testing';
import { startStack } from '@haldane/standalone';
import { Fuse } from '@haldane/testkit';
import { t as file, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { type AwsScene, namesResources, putBack, wrongs } from '../testing/aws-life.ts';
import { cloudtrailTap, type TrailRecord } from '../testing/cloudtrail-tap.ts';
import { startRun } from '../testing/follow.ts';
import type { Refusal } from '../testing/hindering-proxy.ts';
import { lives, type MotoAccount, motoConnection, openAccount } from '../testing/moto-account.ts';
import { motoTopic } from '../testing/moto-topic.ts';
import { openRoom } from '../testing/room.ts';
import { draws, partOf, seedOfSamples } from '../testing/sample.ts';
import { harmTwins, writeBeside } from '../testing/twin-life.ts';

/*
 * Scenarios at twins in an account that moto's server plays: the real SDK over real HTTP, and for the alerts a whole chain of detection: calls as
 * CloudTrail would write them, rules on them, a topic of moto's SNS, and its signed message over HTTP. The tap and the rules are this test's.
 */

/** The owner's rule for one scenario: by which call a twin is made, by which one it is harmed, and what tells harm from what is harmless. */
type Rule = { readonly of: TwinOf; readonly made: string; readonly changed: string; readonly isHarm: (record: TrailRecord) => boolean };

const asked = ({ requestParameters }: TrailRecord): string => JSON.stringify(requestParameters).replaceAll('\\', '');
const rules = {
  'sg-port-open': {
    of: 'firewall',
    made: 'CreateSecurityGroup',
    changed: 'AuthorizeSecurityGroupIngress',
    isHarm: (record) => /198\.51\.100\.0\/24|0\.0\.0\.0\/0/.test(asked(record)),
  },
  'open-bucket': {
    of: 'bucket',
    made: 'CreateBucket',
    changed: 'PutBucketPolicy',
    isHarm: (record) => /"Effect":"Allow","Principal":"\*"/.test(asked(record)),
  },
  'role-permission-collision': {
    of: 'role',
    made: 'CreateRole',
    changed: 'PutRolePolicy',
    isHarm: (record) => /"Effect":"Deny"/.test(asked(record)),
  },
  'role-admin-attached': {
    of: 'role',
    made: 'CreateRole',
    changed: 'AttachRolePolicy',
    isHarm: (record) => !/AWSDenyAll/.test(asked(record)),
  },
  'audit-trail-stopped': { of: 'trail', made: 'CreateTrail', changed: 'StopLogging', isHarm: () => true },
} as const satisfies Readonly<Record<string, Rule>>;
type Id = keyof typeof rules;
const ids = Object.keys(rules) as readonly Id[];

const moto = process.env['LANE_MOTO'];
const full = process.env['LANE'] === 'full';

if (moto === undefined) {
  test('runs at twins in an account of moto', { skip: 'LANE_MOTO names no moto_server; .ci/run installs one' }, async () => undefined);
} else {
  // The product finds its credentials as the SDK does.
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  allowSeconds(full ? 7_200 : 900);
  const accounts = await Promise.all([openAccount(moto, { policies: true }), openAccount(moto, { policies: true })]);
  const [account] = accounts;
  const { server } = account;
  let told: (record: TrailRecord) => void = () => undefined;
  const tap = await cloudtrailTap(server, (record) => told(record));
  file.teardown(() => tap.close());
  const seed = seedOfSamples();
  const patientMs = 180_000;
  /** Past this, what is hindered counts as stuck. One try is always made. */
  const hinderedMs = 500;
  /** One life at twins of what this scenario is about. */
  const live = <T>(id: Id, act: (scene: AwsScene) => Promise<T>): Promise<T> => account.live(act, rules[id].of);

  test('killed at a step, whatever somebody else wrote meanwhile, a run at twins is put back, and what they are made like is as they left it', async (t) => {
    for (const id of ids) {
      const { of } = rules[id];
      const counting = new Fuse();
      await live(id, async (scene) => {
        await harmTwins(scene, scene.stand.calls, id, counting);
        t.not(JSON.stringify(await lookAt(scene.stand)), JSON.stringify(scene.before), `${id}: it was there`);
        t.match(await putBack(scene, scene.stand.calls, patientMs), { clean: true, stuck: [] });
        t.same(await wrongs(scene, scene.before), []);
      });
      const steps = counting.count;
      const chosen = full ? Array.from({ length: steps }, (_, step) => step) : draws(seed, `twins of ${id}`, 2, steps);
      t.comment(`${id}: steps ${chosen.join(', ')} of ${steps}, seed ${seed}`);
      const theirs = await live(id, async ({ stand }) => {
        await stand.others.add(of, `${stand.mark}-${of}`);
        return lookAt(stand);
      });
      const cases = chosen.map((step, at) => ({ step, visit: at % 2 === 0 }));
      const one = async ({ step, visit }: (typeof cases)[number], scene: AwsScene) => {
        const fuse = new Fuse(step);
        await harmTwins(scene, scene.stand.calls, id, fuse).catch(() => undefined);
        t.ok(fuse.dead, `${id}: killed at step ${step}`);
        if (visit) await writeBeside(scene, of);
        const restored = await putBack(scene, scene.stand.calls, patientMs);
        t.match(restored, { clean: true, stuck: [] }, restored.stuck.join('; '));
        t.same(await wrongs(scene, visit ? theirs : scene.before), [], visit ? 'as if only somebody else had been there' : 'as it was');
      };
      await lives(accounts, cases, one, of);
    }
  });

  const modes: readonly (readonly [Refusal, boolean])[] = [
    ['Throttling', false],
    ['lost', false],
    ['AccessDenied', false],
    ['NotFound', false],
    ['Conflict', false],
    ['AccessDenied', true],
  ];

  test('whichever call is refused, and however, a run at twins ends restored, or stuck with the resource named', async (t) => {
    for (const id of ids) {
      const all = await live(id, async (scene) => {
        account.proxy.hinder(-1, 'lost', false);
        await harmTwins(scene, scene.stand.calls, id);
        await putBack(scene, scene.stand.calls, patientMs);
        return account.proxy.calls();
      });
      t.comment(`${id}: ${all} calls in a life, seed ${seed}`);
      const cases = modes.flatMap(([refusal, forGood]) => {
        const chosen = full ? Array.from({ length: all }, (_, index) => index) : draws(seed, `${id}${refusal}${forGood}`, 1, all);
        return chosen.map((index) => ({ refusal, forGood, index }));
      });
      const one = async ({ refusal, forGood, index }: (typeof cases)[number], scene: AwsScene, { proxy }: MotoAccount) => {
        proxy.hinder(index, refusal, forGood);
        const went = await harmTwins(scene, scene.stand.calls, id).then(
          () => 'went through',
          (error: Error) => error.message,
        );
        const first = await putBack(scene, scene.stand.calls, hinderedMs);
        const what = `${id}: ${refusal}${forGood ? ' for good' : ''} at call ${index} (${proxy.met()}): ${went}`;
        proxy.passOn();
        if (!first.clean) {
          t.ok(first.stuck.length > 0 && namesResources(first), `stuck: ${first.stuck.join('; ')}`);
          const second = await putBack(scene, scene.stand.calls, patientMs);
          t.ok(second.clean, `put back when the right was given back: ${second.stuck.join('; ')}`);
        }
        t.same(await wrongs(scene, scene.before), [], what);
      };
      await lives(accounts, cases, one, rules[id].of);
    }
  });

  const once = partOf(['once']).length > 0 ? {} : { skip: 'runs with the first part' };

  test(
    'opened to everybody, a twin of a bucket is read by strangers until it is put back, and never where the account says no',
    once,
    async (t) => {
      const read = async (bucket: string, object = 'canary') => (await fetch(`${server.url}/${bucket}/${object}`)).status;
      await live('open-bucket', async (scene) => {
        const bucket = `haldane-${scene.runId}-experiment`;
        await harmTwins(scene, scene.stand.calls, 'open-bucket', new Fuse(), { to: 'world' });
        t.equal(await read(bucket), 200, 'a stranger reads the object without content');
        t.equal(await read(`haldane-${scene.runId}-control`), 403, "and not control's");
        t.equal(await read(`${scene.stand.mark}-bucket`, 'payments.csv'), 403, "nor the service's own");
        t.match(await putBack(scene, scene.stand.calls, patientMs), { clean: true });
        t.not(await read(bucket), 200);
        t.same(await wrongs(scene, scene.before), []);
      });
      await live('open-bucket', async (scene) => {
        const block = '<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>';
        await fetch(`${server.url}/v20180820/configuration/publicAccessBlock`, {
          method: 'PUT',
          body: block,
          headers: {
            'x-amz-account-id': '123456789012',
            authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0',
          },
        });
        const refusal = await harmTwins(scene, scene.stand.calls, 'open-bucket', new Fuse(), { to: 'world' }).catch(
          (error: Error) => error.message,
        );
        t.match(refusal, /the account blocks public access to all of its buckets, .* Haldane does not touch it/);
        t.same(await lookAt(scene.stand), scene.before);
      });
      await account.forget();
    },
  );

  test(
    'the product harms twins: rules on the trail tell a topic, SNS tells Haldane; each is noticed, and who is deaf or alerts of anything is told so',
    once,
    async (t) => {
      await account.forget();
      const room = await openRoom();
      t.teardown(() => room.leave());
      const stack = await startStack({
        dataDir: join(room.folder, 'data'),
        databaseUrl: null,
        port: 0,
        env: { TINY_TOKEN: 'unused' },
        ephemeral: true,
        aws: { region: motoConnection.region, endpoint: tap.url, addresses: {} },
        fetchSns: (url) => topic.certificate(url),
      });
      room.onLeave(() => stack.stop());
      const topic = await motoTopic(server.url, motoConnection.region, stack.alertUrl('network'));
      const client = new HaldaneClient(stack.access);
      const lost: unknown[] = [];
      const harm = async (id: Id, name: string) => {
        const stand = await sdkStand(`t${name}`, { ...motoConnection, endpoint: tap.url }, { beside: [rules[id].of] });
        room.onLeave(async () => stand.close());
        const before = await lookAt(stand);
        const experiment = await written(join(room.folder, name), stand, id);
        const plan = await client.plan(experiment);
        t.same(plan.refusals, [], id);
        t.ok(
          plan.notes.some((note) => /which is only read\. .* what differs: its name/.test(note)),
          'the plan says what a twin is not',
        );
        const { ended, run } = await startRun(client, experiment, { withinMs: 300_000 });
        const done = await ended;
        t.match(done.facts.restored, { clean: true, stuck: [], superseded: [] }, `${id}: ${JSON.stringify(done.stop)}`);
        t.same(await lookAt(stand, run.id), before, `${id}: the account is what it was`);
        const verdict = done.facts.verdict;
        const said = [verdict?.verdict, verdict?.noticed.result];
        return { said, why: `${id}: ${verdict?.headline ?? JSON.stringify(done.stop)}`, alerts: (await client.evidence(run.id)).alerts };
      };
      const listen = (fires: (rule: Rule, record: TrailRecord) => boolean) => {
        told = (record) => {
          for (const alert of alertsOf(record, fires)) topic.publish(alert).catch((error: unknown) => lost.push(error));
        };
      };
      // All of the owner's rules look at everything, and every scenario runs at once.
      listen((rule, record) => rule.isHarm(record));
      const all = await Promise.all(ids.map(async (id, n) => ({ id, ...(await harm(id, `all${n}`)) })));
      for (const { id, said, why, alerts } of all) {
        t.same(said, ['resilient', 'in-time'], why);
        const heard = alerts.find((alert) => alert.rule === `found-${id}`);
        t.match(
          heard,
          {
            receiver: 'network',
            severity: 'high',
            fields: {
              who: /:user\/test$/,
              what: rules[id].changed,
              where: 'eu-west-1',
              resource: rules[id].of === 'firewall' ? /^sg-/ : /^haldane-.*-experiment/,
            },
          },
          id,
        );
        t.ok(
          Math.abs((heard?.receivedAt ?? 0) - Date.parse(heard?.fields['when'] ?? '')) < 60_000,
          'with the time of the call and of its arrival',
        );
      }
      listen(() => false);
      const deaf = await harm('sg-port-open', 'deaf');
      t.same(deaf.said, ['vulnerable', 'missed'], deaf.why);
      listen(() => true);
      const noisy = await harm('sg-port-open', 'noisy');
      t.same(noisy.said, ['inconclusive', 'noisy'], noisy.why);
      told = () => undefined;
      t.same(lost, []);
    },
  );
}

/** What the owner's rules make of a call: of control's twin being made comes the heartbeat, of what `fires` the alert. */
function alertsOf(record: TrailRecord, fires: (rule: Rule, record: TrailRecord) => boolean): readonly Readonly<Record<string, string>>[] {
  const { eventName, requestParameters: given, responseElements: answered } = record;
  const about = String(given['groupId'] ?? answered['groupId'] ?? given['bucketName'] ?? given['roleName'] ?? given['name']);
  const common = {
    who: record.userIdentity.arn,
    what: eventName,
    when: record.eventTime,
    where: record.awsRegion,
    source: record.sourceIPAddress,
    resource: about,
  };
  const isOfControl = /"haldane-[^"]*-control(-log)?"/.test(asked(record));
  return Object.entries<Rule>(rules).flatMap(([id, rule]) => [
    ...(rule.made === eventName && isOfControl ? [{ ...common, rule: `heartbeat-${id}` }] : []),
    ...(rule.changed === eventName && fires(rule, record) ? [{ ...common, rule: `found-${id}`, severity: 'high' }] : []),
  ]);
}

async function written(folder: string, { mark }: ServiceStand, id: Id): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'service.yaml'),
    `service: tiny-${mark}
environment: test
owner: { team: tests, contact: nobody }
platform: aws
optIn: [${id}]
deployed: { cluster: ${mark}-production, route: "${mark}-alb:80" }
intake: []
`,
  );
  const experiment = join(folder, 'experiment.yaml');
  await writeFile(
    experiment,
    `name: ${id}
service: service.yaml
platform: aws
metrics: none
exposure: synthetic
scenario: { id: ${id}, params: { like: ${mark}-${rules[id].of} } }
budget: { failures: 1 }
probes: { hostile: 20/s }
baseline: 5s
watch: 12s
noticed: { rules: [found-${id}], receiver: network, within: 10s, fields: [who, what, when, where, resource], heartbeatWithin: 60s }
`,
  );
  return experiment;
}

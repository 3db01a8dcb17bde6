import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HaldaneClient } from '@haldane/client';
import { systemClock } from '@haldane/core';
import { awsPlatform, connectAws } from '@haldane/platforms';
import { deploymentOf, freePort, lookAt, sdkStand, startMoto } from '@haldane/platforms/aws-testing';
import { startStack } from '@haldane/standalone';
import { Fuse } from '@haldane/testkit';
import { after, type Test, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { goThrough, namesResources, putBack, setScene, somebodyElse, wrongs } from '../testing/aws-life.ts';
import { cloudInit } from '../testing/cloud-init.ts';
import { startRun } from '../testing/follow.ts';
import { hinderingProxy, type Refusal } from '../testing/hindering-proxy.ts';
import { listenerBalancer } from '../testing/listener-balancer.ts';
import { openRoom } from '../testing/room.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';
import { type Keys, serveKeys } from '../testing/tiny.ts';

/* Runs in an account that moto's server plays: the real SDK over real HTTP. What is exhaustive in memory (test/crash/aws.test.ts) is a sample here. */

const moto = process.env['LANE_MOTO'];
const full = process.env['LANE'] === 'full';

if (moto === undefined) {
  test(
    'whole lives of runs in an account of moto',
    { skip: 'LANE_MOTO names no moto_server; .ci/run installs one' },
    async () => undefined,
  );
} else {
  // The product finds its credentials as the SDK does.
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  const never = new AbortController().signal;
  allowSeconds(full ? 7_200 : 600);
  const seed = seedOfSamples();
  const server = await startMoto(moto);
  after(() => server.stop());
  const proxy = await hinderingProxy(server.url);
  after(() => proxy.close());
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const connection = { region: 'eu-west-1', credentials };
  let stands = 0;
  const newScene = async () => {
    proxy.passOn();
    const stand = await sdkStand(`m${(stands++).toString(36)}x`, { ...connection, endpoint: proxy.url, tries: 1 });
    return setScene(stand, systemClock);
  };
  /** The account when only somebody else was there. */
  const visited = async () => {
    const { stand } = await newScene();
    await somebodyElse(stand);
    return lookAt(stand);
  };
  const deadlineMs = 2_000;
  /** Where nothing stands in the way but a busy machine. */
  const patientMs = 180_000;
  const tried = (went: Promise<void>) =>
    went.then(
      () => 'went through',
      (error: Error) => error.message,
    );

  test('a run goes from the plan to the watch and back, and the account is what it was', async (t) => {
    const scene = await newScene();
    await goThrough(scene, scene.stand.calls);
    t.not(JSON.stringify(await lookAt(scene.stand)), JSON.stringify(scene.before), 'it was there');
    t.match(await putBack(scene, scene.stand.calls, patientMs), { clean: true, stuck: [], superseded: [] });
    t.same(await wrongs(scene, scene.before), []);
  });

  test('the SDK tries again when it is throttled, so that one such answer is not even seen', async (t) => {
    const scene = await newScene();
    const { calls, close } = await sdkStand('patient', { ...connection, endpoint: proxy.url });
    proxy.hinder(0, 'Throttling', false);
    t.ok(await calls.groups.group(`${scene.stand.mark}-production`, never));
    t.equal(proxy.met(), 'DescribeAutoScalingGroups', 'it was throttled once');
    close();
  });

  test('killed at a step, whatever somebody else did meanwhile, a run is put back and theirs is kept', async (t) => {
    const counting = new Fuse();
    const whole = await newScene();
    await goThrough(whole, whole.stand.calls, counting);
    await putBack(whole, whole.stand.calls, patientMs);
    const steps = counting.count;
    const chosen = full ? Array.from({ length: steps }, (_, step) => step) : draws(seed, 'crash', 6, steps);
    t.comment(`steps ${chosen.join(', ')} of ${steps}, seed ${seed}`);
    const theirs = await visited();
    for (const [at, step] of chosen.entries()) {
      const scene = await newScene();
      const fuse = new Fuse(step);
      await tried(goThrough(scene, scene.stand.calls, fuse));
      t.ok(fuse.dead, `killed at step ${step}`);
      const visit = at % 2 === 0;
      if (visit) await somebodyElse(scene.stand);
      const restored = await putBack(scene, scene.stand.calls, patientMs);
      t.ok(restored.clean, restored.stuck.join('; '));
      t.same(await wrongs(scene, visit ? theirs : scene.before), [], visit ? 'as if only somebody else had been there' : 'as it was');
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

  test('whichever call is refused, and however, a run ends restored, or stuck with the resource named', async (t) => {
    const whole = await newScene();
    proxy.hinder(-1, 'lost', false);
    await goThrough(whole, whole.stand.calls);
    await putBack(whole, whole.stand.calls, patientMs);
    const all = proxy.calls();
    t.comment(`${all} calls in a life, seed ${seed}`);
    for (const [refusal, forGood] of modes) {
      const chosen = full ? Array.from({ length: all }, (_, index) => index) : draws(seed, `${refusal}${forGood}`, 3, all);
      for (const index of chosen) {
        const scene = await newScene();
        proxy.hinder(index, refusal, forGood);
        const went = await tried(goThrough(scene, scene.stand.calls));
        const first = await putBack(scene, scene.stand.calls, deadlineMs);
        const what = `${refusal}${forGood ? ' for good' : ''} at call ${index} (${proxy.met()}): ${went}`;
        proxy.passOn();
        if (!first.clean) {
          t.ok(first.stuck.length > 0 && namesResources(first), `stuck: ${first.stuck.join('; ')}`);
          const second = await putBack(scene, scene.stand.calls, patientMs);
          t.ok(second.clean, `put back when the right was given back: ${second.stuck.join('; ')}`);
        }
        t.same(await wrongs(scene, scene.before), [], what);
      }
    }
  });

  test('a session whose policy is not in force is refused, and one that is held back is not', async (t) => {
    const scene = await newScene();
    const role = 'arn:aws:iam::123456789012:role/haldane';
    const account = await connectAws({ ...connection, endpoint: proxy.url, role }, never);
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
  });

  test('the product runs forged tokens against arms in the account: held by a sound service, a breach of an open one, and all is put back', async (t) => {
    const keys = await serveKeys();
    t.teardown(() => keys.close());
    const room = await openRoom();
    t.teardown(() => room.leave());
    proxy.passOn();
    for (const open of [false, true]) {
      const stand = await sdkStand(`e${open ? 1 : 0}x`, { ...connection, endpoint: proxy.url });
      const services = new Map<string, Promise<{ readonly port: number }>>();
      const serviceOf = (name: string) => {
        const there = services.get(name) ?? tinyProcess(t, keys, open && name.includes('experiment'));
        services.set(name, there);
        return there;
      };
      const balancer = await listenerBalancer(stand.calls, stand.listener, serviceOf);
      t.teardown(() => balancer.close());
      const before = await lookAt(stand);
      const route = `${stand.mark}-alb:80`;
      const folder = join(room.folder, stand.mark);
      const experiment = await writeDeployed(folder, stand.mark);
      const stack = await startStack({
        dataDir: join(folder, 'data'),
        databaseUrl: null,
        port: 0,
        env: { TINY_TOKEN: keys.token, KEYS_URL: keys.url },
        ephemeral: true,
        aws: { region: connection.region, endpoint: proxy.url, addresses: { [route]: balancer.url } },
      });
      room.onLeave(() => stack.stop());
      const client = new HaldaneClient(stack.access);
      const plan = await client.plan(experiment);
      t.same(plan.refusals, []);
      t.ok(
        plan.notes.some((note) => /US dollars/.test(note)),
        'the plan says what it costs',
      );
      const { ended, run } = await startRun(client, experiment, { withinMs: 240_000 });
      const done = await ended;
      t.match(done.facts.restored, { clean: true, stuck: [], superseded: [] }, JSON.stringify(done.stop));
      t.same(await lookAt(stand, run.id), before, 'the account is what it was');
      if (open) t.match([done.stop?.reason, done.facts.verdict?.verdict], ['breach', 'vulnerable'], done.stop?.why ?? 'it did not stop');
      else t.match([done.stop, done.facts.verdict?.verdict], [null, 'resilient'], done.facts.verdict?.headline ?? 'no verdict');
      for (const arm of ['control', 'experiment'])
        t.ok((balancer.counts.get(`haldane-${run.id}-${arm}`) ?? 0) > 20, `${arm} was really asked`);
      await stack.stop();
    }
  });

  test('keys that are away for one arm only: a sidecar beside each instance takes them, a lax service is caught and all is put back', async (t) => {
    const keys = await serveKeys();
    t.teardown(() => keys.close());
    const room = await openRoom();
    t.teardown(() => room.leave());
    proxy.passOn();
    const service = fileURLToPath(new URL('../testing/tiny-service.mjs', import.meta.url));
    const sidecar = fileURLToPath(new URL('../../services/router/dist/sidecar/main.js', import.meta.url));
    for (const lax of [false, true]) {
      const mark = `k${lax ? 1 : 0}x`;
      // What any service does here whose owner lets it be pointed at a sidecar: it reads arm.env last, when there is one.
      const userData = `#!/bin/sh
export PORT=8080 TINY_TOKEN='${keys.token}' KEYS_URL='${keys.url}'${lax ? ' TINY_LAX=yes' : ''}
if [ -e "$HALDANE_DIR/arm.env" ]; then set -a; . "$HALDANE_DIR/arm.env"; fi
exec '${process.execPath}' '${service}'
`;
      const stand = await sdkStand(mark, { ...connection, endpoint: proxy.url }, { network: `127.${lax ? 78 : 77}`, userData });
      const folder = join(room.folder, mark);
      const groups = [`${mark}-production`];
      const machines = cloudInit(stand.calls, join(folder, 'machines'), () => groups);
      t.teardown(() => machines.close());
      const balancer = await listenerBalancer(stand.calls, stand.listener, machines.serving);
      t.teardown(() => balancer.close());
      const before = await lookAt(stand);
      const route = `${mark}-alb:80`;
      const experiment = await writeDeployed(folder, mark, {
        optIn: 'idp-jwks-unavailable',
        scenario: '{ id: idp-jwks-unavailable, params: { dependency: keys, keyCacheSeconds: 1s } }',
        more: `dependencies:\n  - { name: keys, env: KEYS_URL, url: "\${KEYS_URL}", as: http }\n`,
      });
      const stack = await startStack({
        dataDir: join(folder, 'data'),
        databaseUrl: null,
        port: 0,
        env: { TINY_TOKEN: keys.token, KEYS_URL: keys.url },
        ephemeral: true,
        aws: {
          region: connection.region,
          endpoint: proxy.url,
          addresses: { [route]: balancer.url },
          sidecar: `'${process.execPath}' '${sidecar}'`,
        },
      });
      room.onLeave(() => stack.stop());
      const client = new HaldaneClient(stack.access);
      const plan = await client.plan(experiment);
      t.same(plan.refusals, []);
      t.match(plan.changes.find((one) => one.kind === 'aws.template')?.does, /sets KEYS_URL in .*nothing else differs/);
      const { ended, run } = await startRun(client, experiment, { withinMs: 400_000 });
      groups.push(`${run.id}.control`, `${run.id}.experiment`);
      const done = await ended;
      t.match(done.facts.restored, { clean: true, stuck: [], superseded: [] }, `${JSON.stringify(done.stop)} ${machines.said()}`);
      t.same(await lookAt(stand, run.id), before, 'the account is what it was');
      t.same(await stand.calls.templates.tagged('haldane:run', never), [], 'and no template is left');
      if (lax) t.match([done.stop?.reason, done.facts.verdict?.verdict], ['breach', 'vulnerable'], done.stop?.why ?? 'it did not stop');
      else t.match([done.stop, done.facts.verdict?.verdict], [null, 'resilient'], done.facts.verdict?.headline ?? 'no verdict');
      const { contact } = done.facts.verdict?.record ?? {};
      t.ok((contact?.count ?? 0) > 0 && contact?.leaked === 0, `the experiment met the fault ${contact?.count} times, nobody else did`);
      await stack.stop();
    }
  });
}

/** A service of its own on a free port, that ends with the test. */
async function tinyProcess(t: Test, keys: Keys, open: boolean): Promise<{ readonly port: number }> {
  const port = await freePort();
  const env = { ...process.env, PORT: `${port}`, TINY_TOKEN: keys.token, KEYS_URL: keys.url, ...(open ? { TINY_OPEN: 'yes' } : {}) };
  const child = spawn(process.execPath, [fileURLToPath(new URL('../testing/tiny-service.mjs', import.meta.url))], { env, stdio: 'ignore' });
  t.teardown(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  for (let tries = 0; tries < 600; tries += 1) {
    const well = await fetch(`http://127.0.0.1:${port}/healthz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (well) return { port };
    await sleep(100);
  }
  throw new Error('the tiny service did not answer within a minute');
}

async function writeDeployed(
  folder: string,
  mark: string,
  { optIn = 'jwt-forged-alg', scenario = '{ id: jwt-forged-alg }', more = '' }: { optIn?: string; scenario?: string; more?: string } = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'service.yaml'),
    `service: tiny
environment: test
owner: { team: tests, contact: nobody }
platform: aws
optIn: [${optIn}]
deployed: { cluster: ${mark}-production, route: "${mark}-alb:80" }
intake: []
synthetic:
  identities:
    - { name: caller, token: { from: static, valueEnv: TINY_TOKEN } }
  requests:
    - { name: me, path: /me, as: caller, protected: true }
  jwksUrl: \${KEYS_URL}
${more}`,
  );
  const experiment = join(folder, 'experiment.yaml');
  await writeFile(
    experiment,
    `name: forged-in-aws
service: service.yaml
platform: aws
metrics: none
exposure: synthetic
instances: 2
scenario: ${scenario}
share: 5%
baseline: 5s
watch: 8s
probes: { legitimate: 5/s, hostile: 20/s, clean: 59 }
budget: { failures: 5 }
`,
  );
  return experiment;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HaldaneClient } from '@haldane/client';
import { freePort, lookAt, sdkStand, startMoto } from '@haldane/platforms/aws-testing';
import { startStack } from '@haldane/standalone';
import { t as file, type Test, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { startRun } from '../testing/follow.ts';
import { hinderingProxy } from '../testing/hindering-proxy.ts';
import { listenerBalancer } from '../testing/listener-balancer.ts';
import { openRoom } from '../testing/room.ts';
import { type Keys, serveKeys } from '../testing/tiny.ts';
import { wiredService } from '../testing/wired-service.ts';
import { writeDeployed } from '../testing/write-deployed.ts';

/* The product itself, in an account that moto's server plays: a small balancer follows the account's listener to real local processes. */

const moto = process.env['LANE_MOTO'];

if (moto === undefined) {
  test('the product in an account of moto', { skip: 'LANE_MOTO names no moto_server; .ci/run installs one' }, async () => undefined);
} else {
  // The product finds its credentials as the SDK does.
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  const never = new AbortController().signal;
  allowSeconds(1_200);
  /** Of one test: whatever it waits for, it ends, and the others are run. */
  const timeout = 550_000;
  const server = await startMoto(moto);
  // `after` would never be called while the server still runs, and the file never end.
  file.teardown(() => server.stop());
  const proxy = await hinderingProxy(server);
  file.teardown(() => proxy.close());
  const connection = { region: 'eu-west-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

  test('the product runs forged tokens against arms in the account: held by a sound service, a breach of an open one, and all is put back', {
    timeout,
  }, async (t) => {
    const keys = await serveKeys();
    t.teardown(() => keys.close());
    const room = await openRoom();
    t.teardown(() => room.leave());
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

  test('keys that are away for one arm only: a sidecar beside each instance takes them, a lax service is caught and all is put back', {
    timeout,
  }, async (t) => {
    const keys = await serveKeys();
    t.teardown(() => keys.close());
    for (const lax of [false, true]) {
      const flags = lax ? ' TINY_LAX=yes' : '';
      const place = { mark: `k${lax ? 1 : 0}x`, network: `127.${lax ? 78 : 77}`, flags };
      const wired = await wiredService(t, keys, { ...connection, endpoint: proxy.url }, place);
      const { stand, before, groups, machines, client, stack, experiment } = wired;
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

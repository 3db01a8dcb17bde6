import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@haldane/core';
import { withContacts } from '@haldane/metrics';
import { type AwsCalls, awsPlatform } from '@haldane/platforms';
import { deploymentOf, freePort, memoryStand } from '@haldane/platforms/aws-testing';
import { test } from 'tap';
import { cloudInit } from '../testing/cloud-init.ts';
import { openRoom } from '../testing/room.ts';

const { signal } = new AbortController();

test('a service with intake and no dependencies has it turned off, and nothing waits for calls that it never makes', async (t) => {
  const room = await openRoom();
  t.teardown(() => room.leave());
  const { calls, ...rest } = await memoryStand('w');
  const address = '127.0.0.1';
  const addresses: AwsCalls['templates']['addresses'] = async (ids) => new Map(ids.map((id) => [id, address]));
  const { balancing, groups, templates, twins } = calls;
  const stand = { ...rest, calls: { balancing, groups, templates: { ...templates, addresses }, twins } };
  const sidecar = fileURLToPath(new URL('../../services/router/dist/sidecar/main.js', import.meta.url));
  const platform = awsPlatform({
    calls: stand.calls,
    clock: systemClock,
    leaveMs: 0,
    settleMs: 0,
    sidecar: { start: `'${process.execPath}' '${sidecar}'`, port: await freePort() },
    connections: async () => ({ dependencies: [], intakeOff: { WORKERS: '0' } }),
  });
  const deployment = {
    ...deploymentOf(stand),
    dependencies: [],
    intake: [{ name: 'jobs', kind: 'queue' as const, off: { WORKERS: '(set)' } }],
  };
  const wiring = platform.faults.wire(deployment, 'experiment', 'wr');
  for (const { kind, params } of [...wiring.changes, platform.clusters.launch(deployment, 'experiment', wiring, 'wr', 1)]) {
    const found = platform.changeKinds.find((one) => one.kind === kind);
    await found?.apply(params, await found.capture(params, signal), signal);
  }
  const isHealthy = async () => (await platform.clusters.describe('wr.experiment', signal))?.instances.every((one) => one.healthy);
  t.equal(await isHealthy(), false, 'its balancer says that it is well, but its sidecar has not begun');

  const machines = cloudInit(stand.calls, room.folder, () => ['wr.experiment']);
  t.teardown(() => machines.close());
  for (let tries = 0; tries < 600 && !(await isHealthy()); tries += 1) await setTimeout(100);
  t.equal(await isHealthy(), true, machines.said());
  let text = '';
  for (let tries = 0; tries < 600 && text === ''; tries += 1) {
    text = await readFile(join(room.folder, 'wr.experiment-0', 'etc', 'arm.env'), 'utf8').catch(() => '');
    if (text === '') await setTimeout(100);
  }
  t.equal(text, "WORKERS='0'\n", machines.said());

  t.equal(await platform.contacts?.('wr', 0, signal), null);
  const none = { control: 0, experiment: 0 };
  const block = { at: 1, dependencyCalls: none, met: none };
  const source = { id: 'some', read: async () => ({ state: 'ok', points: [block] }) };
  const told = platform.contacts && withContacts(source as never, platform.contacts).read('wr', 0, signal);
  t.match(await told, { state: 'ok', points: [{ at: 1 }] });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { arms } from '@haldane/core';
import { codeOf, VirtualClock } from '@haldane/testkit';
import { type Test, test } from 'tap';
import type { AwsCalls } from './aws-calls.ts';
import { awsPlatform } from './aws-platform.ts';
import { sdkTemplates } from './sdk/templates.ts';
import { deploymentOf, memorySidecars, memoryStand } from './testing/index.ts';
import { orderIn, withSidecar } from './user-data.ts';

const { signal } = new AbortController();
const order = { token: 'a token', adminPort: 9911, proxies: [], variables: { JOBS: 'off' } };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const partsOf = (userData: string) => Buffer.from(userData, 'base64').toString();

test('a sidecar is started before whatever production does at its first start, which stays as it is', (t) => {
  for (const [production, kind] of [
    ['#!/bin/sh\nexec serve\n', 'text/x-shellscript'],
    ['#cloud-config\nruncmd: [serve]\n', 'text/cloud-config'],
  ] as const) {
    const made = withSidecar(base64(production), order, 'node sidecar.js');
    const text = partsOf(made);
    t.ok(text.indexOf('node sidecar.js --order') < text.indexOf(production), 'ours comes first');
    t.match(text, `Content-Type: ${kind}; charset="utf-8"\n\n${production}`);
    t.same(orderIn(made), order, 'and the order can be read from it again');
  }
  const inParts = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n\n--x\n\n#!/bin/sh\n--x--\n';
  t.match(partsOf(withSidecar(base64(inParts), order, 's')), inParts, 'parts are put in as they are');
  t.same(orderIn(withSidecar(null, order, 's')), order, 'production may do nothing at all');
  t.equal(orderIn(base64('#!/bin/sh\n')), null);
  t.end();
});

/** Plays cloud-init on an instance whose sleeps take no time, each a byte in `sleeps`. The sidecar never writes its file. */
async function instance(t: Test, folder: string, home: string) {
  const sleeps = join(folder, 'sleeps');
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin', 'sleep'), `#!/bin/sh\nprintf . >> '${sleeps}'\n`, { mode: 0o700 });
  const [, script = ''] =
    /filename="\(haldane\)"\n\n([\s\S]*?)\n--haldane/.exec(partsOf(withSidecar(null, order, 'tail -f /dev/null #'))) ?? [];
  await writeFile(join(folder, 'script'), script, { mode: 0o700 });
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, HALDANE_DIR: home };
  const begin = `'${join(folder, 'script')}' || true; printf served`;
  const child = spawn('/bin/sh', ['-c', begin], { env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  /** A script is ended with all that it started: the pipe to it closes behind the last of them. */
  const end = async () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
    await ended;
  };
  t.teardown(end);
  const slept = () =>
    stat(sleeps).then(
      ({ size }) => size,
      () => 0,
    );
  return { child, slept, end, served: once(child.stdout, 'data') };
}

test('without the file of its sidecar nothing of production begins on an instance, however long that takes', async (t) => {
  const folder = t.testdir({ etc: { 'arm.env': "an image's" } });
  const home = join(folder, 'etc');
  const { child, slept, served } = await instance(t, folder, home);
  let hasServed = false;
  const serving = served.then(() => {
    hasServed = true;
  });
  while ((await slept()) < 700 && child.exitCode === null && !hasServed) await setTimeout(20);
  t.equal(hasServed, false, 'also where an image holds such a file');
  await writeFile(join(home, 'arm.env'), '');
  await serving;
});

test('nor where the sidecar cannot even be started', async (t) => {
  const folder = t.testdir({ etc: 'no folder' });
  const { child, slept, end } = await instance(t, folder, join(folder, 'etc'));
  while ((await slept()) < 50 && child.exitCode === null) await setTimeout(20);
  t.equal(child.exitCode, null);
  await end();
});

test('user data that nothing can stand before, or that would be too long, are refused', (t) => {
  const refused = (production: string) => t.throws(() => withSidecar(production, order, 's'), { code: 'refused' });
  refused(base64('<powershell>serve</powershell>'));
  refused(Buffer.from([0x1f, 0x8b, 8, 0, 0]).toString('base64'));
  refused(base64(`#!/bin/sh\n${'#'.repeat(16_000)}`));
  t.end();
});

test('the plan says what differs from production, both arms get it, and the token is in no change', async (t) => {
  const clock = new VirtualClock();
  const stand = await memoryStand('w');
  const { connect } = memorySidecars(clock);
  const url = 'https://keys.test/jwks';
  const platform = awsPlatform({
    calls: stand.calls,
    clock,
    sidecar: { start: 'node sidecar.js', connect },
    connections: async () => ({
      dependencies: [{ name: 'keys', env: 'KEYS_URL', as: 'https', ca: null, url }],
      intakeOff: { JOBS: 'off' },
    }),
  });
  const deployment = { ...deploymentOf(stand), intake: [{ name: 'jobs', kind: 'queue', off: { JOBS: '(set)' } }] };
  const templates = arms.map((arm) => platform.faults.wire(deployment, arm, 'wr').changes.find((one) => one.kind === 'aws.template'));
  for (const change of templates) {
    t.match(change?.does, /sets KEYS_URL, JOBS in \/etc\/haldane\/arm\.env; nothing else differs/);
    await platform.changeKinds.find((one) => one.kind === 'aws.template')?.apply(change?.params, null, signal);
  }
  t.same((await platform.leftovers('wr', signal)).length, 2);
  const [control, experiment] = await Promise.all(
    arms.map(async (arm) => {
      const made = await stand.calls.templates.template(`haldane-wr-${arm}`, signal);
      return stand.calls.templates.data(made?.id ?? '', '1', signal);
    }),
  );
  const orderOf = (data: typeof control) => orderIn(String(data?.['UserData']));
  t.match(orderOf(control), {
    variables: { JOBS: 'off' },
    proxies: [{ target: 'https://keys.test', as: 'http', scheme: 'http', rest: '/jwks' }],
  });
  t.same({ ...control, UserData: null }, { ...experiment, UserData: null });
  t.notSame(orderOf(control)?.token, orderOf(experiment)?.token);
  t.notOk(JSON.stringify(templates).includes(orderOf(control)?.token ?? '?'));
});

test('an address with a password in it is refused, for user data are read by many', async (t) => {
  const stand = await memoryStand('w');
  const clock = new VirtualClock();
  const url = 'postgres://app:secret@db.test/app';
  const platform = awsPlatform({
    calls: stand.calls,
    clock,
    sidecar: { start: 's' },
    connections: async () => ({ dependencies: [{ name: 'db', env: 'DB', as: 'tcp', ca: null, url }], intakeOff: {} }),
  });
  const change = platform.faults.wire(deploymentOf(stand), 'control', 'wr').changes.find((one) => one.kind === 'aws.template');
  const kind = platform.changeKinds.find((one) => one.kind === 'aws.template');
  const failed = await kind?.apply(change?.params, null, signal).catch((error: Error) => error);
  t.equal(await codeOf(Promise.reject(failed)), 'refused');
  t.notMatch((failed as Error).message, /secret/);
  t.same(await platform.leftovers('wr', signal), []);
});

test('what cannot be reached lets go at the last lease that it can have, however long the run goes on being put back', async (t) => {
  const { clock, platform, change, sidecars } = await faulted();
  const kind = platform.changeKinds.find((one) => one.kind === 'aws.fault');
  const beat = () => platform.renew('wr', clock.now() + 15_000, signal);
  await beat();
  await kind?.apply(change.params, null, signal);
  t.equal(await kind?.isReverted(change.params, null, signal), false);
  sidecars.fallSilent();
  t.equal(await codeOf(kind?.revert(change.params, null, signal) as Promise<void>), 'unavailable', 'its lease may last');
  for (let beats = 0; beats < 3; beats += 1) {
    await clock.advance(5_000);
    await beat();
  }
  await kind?.revert(change.params, null, signal);
  t.equal(await kind?.isReverted(change.params, null, signal), true);
});

test('an arm is well when each of its sidecars carries all that it was told to', async (t) => {
  const healthy = async (carried: readonly string[]) => {
    const { platform } = await faulted({ carried });
    return (await platform.clusters.describe('wr.experiment', signal))?.instances.map((one) => one.healthy);
  };
  t.same(await healthy([]), [false, false]);
  t.same(await healthy(['wr.control.keys', 'wr.experiment.keys']), [true, true]);
  const { platform, sidecars } = await faulted({ carried: ['wr.experiment.keys'] });
  sidecars.fallSilent();
  const silent = await platform.clusters.describe('wr.experiment', signal);
  t.same(
    silent?.instances.map((one) => one.healthy),
    [false, false],
  );
});

test('an instance that has no address any more keeps no other from being put back', async (t) => {
  let isGone = false;
  const { clock, platform, change, sidecars } = await faulted({
    edit: ({ balancing, groups, templates, twins }) => {
      const addresses: AwsCalls['templates']['addresses'] = async (ids, signal) =>
        new Map([...(await templates.addresses(ids, signal))].filter(([id]) => !isGone || id !== 'wr.experiment-1'));
      return { balancing, groups, templates: { ...templates, addresses }, twins };
    },
  });
  const kind = platform.changeKinds.find((one) => one.kind === 'aws.fault');
  await platform.renew('wr', clock.now() + 15_000, signal);
  await kind?.apply(change.params, null, signal);
  t.equal(sidecars.faults(), 2);
  isGone = true;
  await kind?.revert(change.params, null, signal);
  t.equal(sidecars.faults(), 1);
  t.equal(await kind?.isReverted(change.params, null, signal), true);
});

test('addresses are asked for by filters, of what begins or runs: an id that AWS knows no more takes no other with it', async (t) => {
  const asked: unknown[] = [];
  const send = async ({ input }: { readonly input: { readonly NextToken?: string } }) => {
    asked.push(input);
    const instance = input.NextToken === undefined ? { InstanceId: 'i-1', PrivateIpAddress: '10.0.0.1' } : { InstanceId: 'i-3' };
    return { Reservations: [{ Instances: [instance] }], ...(input.NextToken === undefined ? { NextToken: 'more' } : {}) };
  };
  const found = await sdkTemplates({ send } as unknown as EC2Client).addresses(['i-1', 'i-2', 'i-3'], signal);
  t.same([...found], [['i-1', '10.0.0.1']]);
  const Filters = [
    { Name: 'instance-id', Values: ['i-1', 'i-2', 'i-3'] },
    { Name: 'instance-state-name', Values: ['pending', 'running'] },
  ];
  t.same(asked, [{ Filters }, { Filters, NextToken: 'more' }]);
});

type Around = { readonly edit?: (calls: AwsCalls) => AwsCalls; readonly carried?: readonly string[] };

/** A run whose arms stand with a sidecar beside each instance, before its fault. */
async function faulted({ edit = (calls) => calls, carried = [] }: Around = {}) {
  const clock = new VirtualClock();
  const stand = await memoryStand('w');
  const sidecars = memorySidecars(clock, carried);
  const platform = awsPlatform({
    calls: edit(stand.calls),
    clock,
    sidecar: { start: 's', connect: sidecars.connect },
    connections: async () => ({
      dependencies: [{ name: 'keys', env: 'KEYS_URL', as: 'http', ca: null, url: 'http://keys.test' }],
      intakeOff: {},
    }),
  });
  const deployment = deploymentOf(stand);
  for (const arm of arms) {
    const wiring = platform.faults.wire(deployment, arm, 'wr');
    for (const { kind, params } of [...wiring.changes, platform.clusters.launch(deployment, arm, wiring, 'wr', 2)])
      await platform.changeKinds.find((one) => one.kind === kind)?.apply(params, null, signal);
  }
  const change = platform.faults.dependency('wr', 'experiment', 'keys', { mode: 'abort', status: 503 });
  return { clock, sidecars, platform, change };
}

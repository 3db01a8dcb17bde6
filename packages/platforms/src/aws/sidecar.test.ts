import { arms } from '@haldane/core';
import { codeOf, VirtualClock } from '@haldane/testkit';
import { test } from 'tap';
import { awsPlatform } from './aws-platform.ts';
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

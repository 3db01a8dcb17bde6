import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataplaneClient, type SidecarOrder } from '@haldane/dataplane';
import { test } from 'tap';
import { until, upstream } from '../../test/stand.ts';
import { startSidecar } from './start-sidecar.ts';

test('a sidecar tells its instance where to call, and a fault ends with its lease while calls go on', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hds-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const target = await upstream(t, (_request, response) => void response.end('keys'));
  const proxy = 'r1.experiment.keys';
  const order: SidecarOrder = {
    token: 'a token of the run itself',
    adminPort: 0,
    proxies: [
      {
        proxy,
        runId: 'r1',
        arm: 'experiment',
        dependency: 'keys',
        as: 'http',
        target: target.url,
        variable: 'KEYS_URL',
        scheme: 'http',
        rest: '/jwks?a=b',
      },
    ],
    variables: { JOBS: 'off' },
  };
  const environmentFile = join(folder, 'arm.env');
  const options = { adminHost: '127.0.0.1', folder };
  const first = await startSidecar(order, options);
  const text = await readFile(environmentFile, 'utf8');
  t.equal((await stat(environmentFile)).mode & 0o077, 0, 'nobody else reads it');
  const address = /^KEYS_URL='(http:\/\/127\.0\.0\.1:\d+\/jwks\?a=b)'$/m.exec(text)?.[1] ?? '';
  t.match(text, /^JOBS='off'$/m);
  const call = async () => (await fetch(address)).status;
  t.equal(await call(), 200);

  const client = new DataplaneClient({ url: first.adminUrl, token: order.token });
  t.same(await client.check(proxy, '/jwks'), { faulted: false, seen: '200, 4 bytes' });
  await client.setFault(proxy, { mode: 'abort', status: 503 });
  t.equal(await call(), 200, 'no fault without a lease');
  await client.renew('r1', Date.now() + 60_000);
  await client.setFault(proxy, { mode: 'abort', status: 503 });
  t.equal(await call(), 503);
  t.match(await client.check(proxy, '/jwks'), { faulted: true, seen: /^503/ });
  await client.renew('r1', Date.now() - 1);
  t.equal(await call(), 200, 'its lease ended, and calls go on');
  await client.renew('r1', Date.now() + 60_000);
  t.equal(await call(), 200, 'and it does not come back');

  await until(
    async () => (await client.names('r1', 0)).blocks.some((block) => block.met.experiment === 1),
    'the second of the met call was told',
  );
  const { blocks, closed } = await client.names('r1', 0);
  const sum = (name: 'dependencyCalls' | 'met') => blocks.reduce((all, block) => all + block[name].experiment, 0);
  t.same([sum('met'), sum('dependencyCalls') <= 5, closed > 0], [1, true, true], 'checks are not counted');

  await first.stop();
  const second = await startSidecar(order, options);
  t.teardown(() => second.stop());
  t.equal(await readFile(environmentFile, 'utf8'), text, 'started again, it listens where it did');
  t.equal(await call(), 200);
});

test('a variable that the file cannot hold is refused, and no file is written', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hds-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const environmentFile = join(folder, 'arm.env');
  const order = { token: 'a token of the run itself', adminPort: 0, proxies: [], variables: { NOTE: "it's" } };
  await t.rejects(startSidecar(order, { adminHost: '127.0.0.1', folder }), {
    code: 'bad-document',
    message: /NOTE/,
  });
  await t.rejects(stat(environmentFile), { code: 'ENOENT' });
});

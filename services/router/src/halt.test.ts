import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataplaneClient } from '@haldane/dataplane';
import { test } from 'tap';
import { createRouter } from './router.ts';

test('a router that is halted sends everybody back, takes no run on, also after a restart, and goes on when that is lifted', async (t) => {
  const stateDir = await mkdtemp(join(tmpdir(), 'haldane-halt-'));
  t.teardown(() => rm(stateDir, { recursive: true, force: true }));
  const start = async () => {
    const router = await createRouter({ token: 'admin', stateDir, drainMs: 100 });
    t.teardown(() => router.stop());
    return { router, dataplane: new DataplaneClient({ url: router.adminUrl, token: 'admin' }) };
  };
  const first = await start();
  const until = Date.now() + 60_000;
  const instance = 'http://127.0.0.1:9';
  const attachment = { runId: 'r1', route: 'shop', arms: { control: [instance], experiment: [instance] }, secret: 'c0'.repeat(32), until };
  const proxy = {
    proxy: 'r1.experiment.keys',
    runId: 'r1',
    arm: 'experiment',
    dependency: 'keys',
    as: 'http',
    target: instance,
    until,
  } as const;
  await first.dataplane.putRoute({ route: 'shop', port: 0, production: [instance] });
  await first.dataplane.attach(attachment);
  await first.dataplane.putProxy(proxy);
  await first.dataplane.setFault(proxy.proxy, { mode: 'abort' });

  await first.dataplane.halt('enough');
  const view = await first.dataplane.view();
  t.match(view, { halted: 'enough', routes: [{ route: 'shop', attached: [], slices: [] }], proxies: [{ fault: null }] });
  await t.rejects(first.dataplane.attach(attachment), { code: 'conflict', message: /halted \(enough\)/ });
  await t.rejects(first.dataplane.setFault(proxy.proxy, { mode: 'abort' }), { code: 'conflict' });
  await t.rejects(first.dataplane.putProxy({ ...proxy, proxy: 'another' }), { code: 'conflict' });
  await first.dataplane.detach('shop', 'r1');
  await first.dataplane.deleteProxy(proxy.proxy);
  await first.router.stop();

  const { dataplane } = await start();
  t.match(await dataplane.view(), { halted: 'enough', routes: [{ route: 'shop' }] }, 'production is served, and nothing else');
  await t.rejects(dataplane.attach(attachment), { code: 'conflict' });
  await t.rejects(new DataplaneClient({ url: dataplane.url, token: 'wrong' }).lift(), { code: 'denied' });
  await dataplane.lift();
  t.match(await dataplane.attach(attachment), { attached: [{ runId: 'r1' }] });
});

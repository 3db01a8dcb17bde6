import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@haldane/core';
import { assign } from '@haldane/dataplane';
import { test } from 'tap';
import { sliceKind } from './slice-kind.ts';
import { makeSandbox, until } from './testing/sandbox.ts';

const secret = 'c0'.repeat(32);
const signal = AbortSignal.timeout(60_000);

/** Moves only while somebody sleeps, so that five seconds are over at once. */
function hastyClock(whileAsleep: () => void): Clock & { readonly slept: () => number } {
  let now = 0;
  return {
    now: () => now,
    slept: () => now,
    async sleep(ms) {
      whileAsleep();
      await new Promise((resolve) => setImmediate(resolve));
      now += ms;
    },
  };
}

test('a slice is not put back while a real request that it brought is in an arm: it may leave, and is cut off if it does not', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const { dataplane } = await sandbox.router();
  const listening = async (listener: RequestListener) => {
    const server = createServer(listener).listen(0, '127.0.0.1');
    t.teardown(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const held: (() => void)[] = [];
  const arm = await listening((_request, response) => void held.push(() => response.end('arm')));
  const { port } = await dataplane.putRoute({
    route: 'pay',
    port: 0,
    production: [await listening((_request, response) => response.end('production'))],
  });
  await dataplane.attach({ runId: 'r1', route: 'pay', arms: { control: [arm], experiment: [arm] }, secret, until: Date.now() + 60_000 });
  const key = Array.from({ length: 100 }, (_, i) => i.toString(16).padStart(32, '0')).find(
    (each) => assign(secret, each, 0.5) !== 'production',
  );
  const ask = () =>
    fetch(`http://127.0.0.1:${port}/`, { headers: { cookie: `haldane_key=${key}` } }).then(
      (answer) => answer.text(),
      () => 'cut',
    );
  const caps = { failures: 3, latencyLimitMs: 60_000, creditRate: 0 };
  const params = { runId: 'r1', route: 'pay', name: 'baseline', share: 0.5, exposure: 'all', caps } as const;

  const patient = hastyClock(() => {
    if (patient.slept() >= 4000) for (const release of held.splice(0)) release();
  });
  const kind = sliceKind({ dataplane, clock: patient });
  await kind.apply(params, null, signal);
  const leaving = ask();
  await until('it is in an arm', () => held.length === 1);
  await dataplane.deleteSlice('pay', 'r1', 'baseline');
  t.equal(await kind.isReverted(params, null, signal), false, 'the slice is gone, but its user is still behind the door');
  await kind.revert(params, null, signal);
  t.equal(await leaving, 'arm', 'who leaves within five seconds, the usual limit of an answer, gets a whole one');
  t.ok(await kind.isReverted(params, null, signal));
  t.ok(patient.slept() >= 4000 && patient.slept() < 5000);

  const strict = hastyClock(() => undefined);
  const again = sliceKind({ dataplane, clock: strict });
  await again.apply(params, null, signal);
  const staying = ask();
  await until('it is in an arm', () => held.length === 1);
  await again.revert(params, null, signal);
  t.ok(await again.isReverted(params, null, signal));
  t.equal(await staying, 'cut');
  t.equal(strict.slept(), 5000);
  t.equal(await ask(), 'production');
  await again.apply(params, null, signal);
  t.equal((await dataplane.view()).routes[0]?.slices[0]?.spent, 1, 'being cut off is a failure');
  await again.revert(params, null, signal);
  t.equal(strict.slept(), 5000, 'nobody is waited for when nobody is there');
});

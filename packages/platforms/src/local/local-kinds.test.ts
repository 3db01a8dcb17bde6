import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Change, systemClock } from '@haldane/core';
import { DataplaneClient } from '@haldane/dataplane';
import { type LocalPlatform, LocalProduction, localPlatform } from '@haldane/platforms';
import { changeKindContract, type KindUnderTest } from '@haldane/testkit';
import { test } from 'tap';
import { writeJsonFile } from './keeper/json-file.ts';
import { makeSandbox, until } from './testing/sandbox.ts';

const clock = systemClock;
const signal = AbortSignal.timeout(110_000);
const caps = { failures: 3, latencyLimitMs: 1000, creditRate: 0 };

test('every kind of change holds the contract, on real processes and a real router', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const { dataplane } = await sandbox.router();
  const dependency = { name: 'keys', env: 'KEYS_URL', url: 'http://127.0.0.1:9/jwks', as: 'http', ca: null } as const;
  const { url: _url, ...declared } = dependency;
  const deployment = sandbox.deployment({ dependencies: [declared] });
  const options = { dataDir: sandbox.dataDir, clock, firstLeaseMs: 100_000 };
  const production = new LocalProduction({ ...options, dataplane });
  await production.deployProduction(sandbox.recipe({ dependencies: [dependency] }));
  const platform = localPlatform({ ...options, dataplane });
  const deaf = localPlatform({ ...options, dataplane: new DataplaneClient({ url: 'http://127.0.0.1:9', token: 'nobody-listens-there' }) });
  const kindOf = (change: Change, of: LocalPlatform = platform) => there(of.changeKinds.find((one) => one.kind === change.kind));
  const make = async (change: Change) => {
    const kind = kindOf(change);
    await kind.apply(change.params, await kind.capture(change.params, signal), signal);
  };

  // One pair of arms serves every world of the kinds that need some.
  for (const arm of ['control', 'experiment'] as const) {
    await make(platform.clusters.launch(deployment, arm, { changes: [], dependencies: [] }, 'pair', 1));
    await until(
      `${arm} is healthy`,
      async () => (await platform.clusters.describe(`pair.${arm}`, signal))?.instances.every((one) => one.healthy) ?? false,
    );
  }
  let worlds = 0;
  const world = async (
    describe: (
      runId: string,
    ) => { readonly stands: readonly Change[]; readonly change: Change } & Pick<KindUnderTest, 'applyHalf' | 'takeAway' | 'supersede'>,
  ): Promise<KindUnderTest> => {
    const runId = `k${++worlds}`;
    const { stands, change, ...abilities } = describe(runId);
    for (const below of stands) await make(below);
    return {
      kind: kindOf(change),
      params: change.params,
      ...abilities,
      async look() {
        const view = await dataplane.view();
        const all = {
          left: await platform.leftovers(runId, signal),
          slices: view.routes.flatMap((route) => route.slices.filter((one) => one.runId === runId)),
          onRequests: view.routes.flatMap((route) => route.attached.filter((one) => one.runId === runId).map((one) => one.faults)),
          faults: view.proxies.filter((one) => one.runId === runId).map((one) => one.fault),
          cluster: (await platform.clusters.describe(`${runId}.control`, signal))?.instances.map((one) => [one.name, one.restarts]) ?? null,
        };
        return JSON.parse(JSON.stringify(all).replaceAll(runId, 'RUN')) as unknown;
      },
      async close() {
        for (const below of [change, ...[...stands].reverse()]) await kindOf(below).revert(below.params, null, signal);
      },
    };
  };
  const attach = (runId: string): Change => {
    const change = platform.traffic.attach(deployment, runId, []);
    return { ...change, params: { ...change.params, control: 'pair.control', experiment: 'pair.experiment' } };
  };
  const proxy = (runId: string) => there(platform.faults.wire(deployment, 'control', runId).changes[0]);

  await t.test('local.cluster', (t) =>
    changeKindContract(t, () =>
      world((runId) => {
        const change = platform.clusters.launch(deployment, 'control', { changes: [], dependencies: [] }, runId, 2);
        const folder = join(sandbox.dataDir, 'local/clusters', `${runId}.control`);
        return {
          stands: [],
          change,
          async applyHalf(before, step) {
            if (step > 0) return false;
            await kindOf(change).apply({ ...change.params, instances: 1 }, before, signal);
            rmSync(join(folder, 'cluster.json'));
            return true;
          },
          async takeAway() {
            for (const instance of [`${runId}-control-1`, `${runId}-control-2`])
              writeJsonFile(join(folder, instance, 'lease.json'), { until: clock.now() });
            await until('their lease ended them', async () => (await platform.clusters.describe(`${runId}.control`, signal)) === null);
          },
        };
      }),
    ),
  );
  await t.test('local.proxy', (t) =>
    changeKindContract(t, () =>
      world((runId) => ({ stands: [], change: proxy(runId), takeAway: () => dataplane.deleteProxy(`${runId}.control.keys`) })),
    ),
  );
  await t.test('local.attach', (t) =>
    changeKindContract(t, () =>
      world((runId) => {
        const change = attach(runId);
        return {
          stands: [],
          change,
          takeAway: () => dataplane.detach('greeter', runId),
          async applyHalf(before, step) {
            if (step > 0) return false;
            // The key is made, and then the router does not answer.
            await t.rejects(kindOf(change, deaf).apply(change.params, before, signal), { code: 'unavailable' });
            return true;
          },
        };
      }),
    ),
  );
  await t.test('local.slice', (t) =>
    changeKindContract(t, () =>
      world((runId) => ({
        stands: [attach(runId)],
        change: platform.traffic.slice(deployment, runId, { name: 'watch', share: 0.1, exposure: 'all', caps }),
        takeAway: () => dataplane.deleteSlice('greeter', runId, 'watch'),
      })),
    ),
  );
  await t.test('local.fault', (t) =>
    changeKindContract(t, () =>
      world((runId) => ({
        stands: [proxy(runId)],
        change: platform.faults.dependency(runId, 'control', 'keys', { mode: 'abort', status: 503 }),
        takeAway: () => dataplane.clearFault(`${runId}.control.keys`),
        async supersede() {
          await dataplane.setFault(`${runId}.control.keys`, { mode: 'hang' });
        },
      })),
    ),
  );

  await t.test('local.request-fault', (t) =>
    changeKindContract(t, () =>
      world((runId) => ({
        stands: [attach(runId)],
        change: platform.faults.request(deployment, runId, 'control', { mode: 'abort', status: 503 }),
        takeAway: () => dataplane.clearRequestFault('greeter', runId, 'control'),
        async supersede() {
          await dataplane.setRequestFault('greeter', runId, 'control', { mode: 'hang' });
        },
      })),
    ),
  );

  await t.test("what a journal names that is not the run's own is refused, and stands", async (t) => {
    const launched = platform.clusters.launch(deployment, 'control', { changes: [], dependencies: [] }, 'liar', 1);
    const other = platform.faults.dependency('liar', 'control', 'keys', { mode: 'hang' });
    await make(proxy('pair'));
    for (const [change, names] of [
      [launched, { cluster: deployment.source }],
      [launched, { cluster: 'pair.control' }],
      [proxy('liar'), { proxy: 'pair.control.keys' }],
      [other, { proxy: 'pair.control.keys' }],
    ] as const) {
      const params = { ...change.params, ...names };
      for (const ask of ['revert', 'isReverted', 'apply'] as const)
        await t.rejects(
          async () => void (await kindOf(change)[ask](params, null, signal)),
          { code: 'denied', message: /left alone/ },
          `${ask} ${change.kind}`,
        );
    }
    t.ok(
      (await platform.clusters.describe(deployment.source, signal))?.instances.every((one) => one.healthy),
      'production stands',
    );
    t.ok((await platform.clusters.describe('pair.control', signal))?.instances.every((one) => one.healthy));
    t.ok((await dataplane.view()).proxies.some((one) => one.proxy === 'pair.control.keys'));
    await kindOf(proxy('pair')).revert(proxy('pair').params, null, signal);
  });

  for (const arm of ['control', 'experiment'] as const) {
    const launched = platform.clusters.launch(deployment, arm, { changes: [], dependencies: [] }, 'pair', 1);
    await kindOf(launched).revert(launched.params, null, signal);
  }
  await production.undeploy(deployment);
  t.same(sandbox.processes(), []);
});

function there<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('it is not there');
  return thing;
}

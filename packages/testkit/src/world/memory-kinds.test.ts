import type { JsonObject } from '@haldane/core';
import { test } from 'tap';
import type { MakeKindWorld } from '../contracts/change-kind-contract.ts';
import { changeKindContract } from '../contracts/change-kind-contract.ts';
import { codeOf } from '../contracts/contract-test.ts';
import { Fuse } from '../fuse.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { memoryKinds } from './memory-kinds.ts';
import { MemoryWorld } from './memory-world.ts';

type Acts = { takeAway?: (world: MemoryWorld) => void; supersede?: (world: MemoryWorld) => void };

const newWorld = () => {
  const world = new MemoryWorld(new VirtualClock());
  world.addRoute('pay', { timeout: 30 });
  world.proxies.set('keys', { owner: 'run', until: null, fault: null });
  return world;
};
const kindOf = (name: string, world: MemoryWorld, fuse?: Fuse) => {
  const found = memoryKinds(world, fuse).find((each) => each.kind === name);
  if (!found) throw new Error(`no kind ${name}`);
  return found;
};

const makeWorld =
  (name: string, params: JsonObject, { takeAway, supersede }: Acts = {}): MakeKindWorld =>
  async () => {
    const world = newWorld();
    return {
      kind: kindOf(name, world),
      params,
      look: async () => world.look(),
      applyHalf: async (before, step) => {
        const fuse = new Fuse(step);
        const died = await kindOf(name, world, fuse)
          .apply(params, before, new AbortController().signal)
          .then(
            () => false,
            () => fuse.dead,
          );
        return died;
      },
      ...(takeAway && { takeAway: async () => takeAway(world) }),
      ...(supersede && { supersede: async () => supersede(world) }),
      close: async () => {},
    };
  };

const cluster = { name: 'pay-experiment', owner: 'run', revision: 'abc', proxies: ['keys'], instances: 2 };
const slice = { name: 'observing', owner: 'run', route: 'pay', share: 0.1 };
const fault = { name: 'keys', value: { mode: 'abort', status: 503 } };

test('every memory kind keeps the contract', async (t) => {
  await t.test('proxy', (t) =>
    changeKindContract(t, makeWorld('memory.proxy', { name: 'db', owner: 'run' }, { takeAway: (world) => world.proxies.delete('db') })),
  );
  await t.test('cluster', (t) =>
    changeKindContract(t, makeWorld('memory.cluster', cluster, { takeAway: (world) => world.clusters.delete(cluster.name) })),
  );
  await t.test('attach', (t) =>
    changeKindContract(
      t,
      makeWorld(
        'memory.attach',
        { name: 'run', owner: 'run', route: 'pay' },
        { takeAway: (world) => world.routes.get('pay')?.attached.clear() },
      ),
    ),
  );
  await t.test('slice', (t) =>
    changeKindContract(t, makeWorld('memory.slice', slice, { takeAway: (world) => world.routes.get('pay')?.slices.clear() })),
  );
  await t.test('fault', (t) =>
    changeKindContract(
      t,
      makeWorld('memory.fault', fault, { takeAway: (world) => world.proxies.set('keys', { owner: 'run', until: null, fault: null }) }),
    ),
  );
  const supersede = (world: MemoryWorld) => world.routes.get('pay')?.fields.set('timeout', 60);
  await t.test('setting', (t) =>
    changeKindContract(t, makeWorld('memory.setting', { name: 'timeout', route: 'pay', value: 5 }, { supersede })),
  );
});

test('the contract finds a kind that breaks it', async (t) => {
  const failures = async (breakIt: (world: Awaited<ReturnType<MakeKindWorld>>) => object): Promise<number> => {
    let failed = 0;
    const count = (good: boolean) => {
      if (!good) failed += 1;
      return good;
    };
    const judge = {
      test: async (_name: string, body: (t: never) => Promise<void>) => body(judge as never).catch(() => void count(false)),
      equal: (found: unknown, wanted: unknown) => count(found === wanted),
      same: (found: unknown, wanted: unknown) => count(JSON.stringify(found) === JSON.stringify(wanted)),
      ok: (value: unknown) => count(Boolean(value)),
    };
    const make = makeWorld(
      'memory.setting',
      { name: 'timeout', route: 'pay', value: 5 },
      { supersede: (world) => world.routes.get('pay')?.fields.set('timeout', 60) },
    );
    const broken: MakeKindWorld = async () => {
      const world = await make();
      return { ...world, seenWithinMs: 0, kind: { ...world.kind, ...breakIt(world) } };
    };
    await changeKindContract(judge, broken);
    return failed;
  };
  t.equal(await failures(() => ({})), 0, 'the honest one passes');
  t.ok(await failures(() => ({ isReverted: async () => true })), 'one that always says it is back');
  t.ok(await failures(() => ({ superseded: async () => null })), 'one that hides a superseded field');
  t.ok(
    await failures(({ kind }) => ({
      revert: async (params: JsonObject, _before: unknown, signal: AbortSignal) =>
        kind.apply(params, await kind.capture(params, signal), signal),
    })),
    'one that sets its field in place of putting it back',
  );
});

test("a kind leaves alone what is somebody else's", async (t) => {
  const world = newWorld();
  const { signal } = new AbortController();
  world.clusters.set(cluster.name, { owner: 'other', until: null, revision: 'x', proxies: [], instances: ['i'] });
  world.routes.get('pay')?.slices.set('observing', { owner: 'other', until: null, share: 0.5 });
  const was = world.look();
  for (const [name, params] of [
    ['memory.cluster', cluster],
    ['memory.slice', slice],
  ] as const) {
    const kind = kindOf(name, world);
    t.equal(await codeOf(kind.apply(params, null, signal)), 'denied', name);
    await kind.revert(params, null, signal);
    t.equal(await kind.isReverted(params, null, signal), true, 'nothing of ours is there');
  }
  t.same(world.look(), was);
});

test('what nobody renews ends by itself, and what is renewed stays', async (t) => {
  const clock = new VirtualClock();
  const world = new MemoryWorld(clock, 1000);
  const route = world.addRoute('pay');
  const { signal } = new AbortController();
  for (const owner of ['run', 'other']) {
    for (const [name, params] of [
      ['memory.proxy', { name: `p-${owner}`, owner }],
      ['memory.slice', { ...slice, name: `s-${owner}`, owner }],
    ] as const)
      await kindOf(name, world).apply(params, null, signal);
  }
  await clock.advance(900);
  world.renew('other', clock.now() + 1000);
  await clock.advance(200);
  world.expire();
  t.same(world.leftovers('run'), []);
  t.same(world.leftovers('other'), ['proxy p-other', 'slice s-other']);
  t.equal(route.slices.size, 1);
});

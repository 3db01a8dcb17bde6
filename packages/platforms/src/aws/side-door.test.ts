import type { AnyChangeKind, Change } from '@haldane/core';
import { VirtualClock } from '@haldane/testkit';
import { test } from 'tap';
import { awsPlatform } from './aws-platform.ts';
import { forwardOf, withGroups } from './forward.ts';
import { deploymentOf, type MemoryAccount, MemoryRouters, memoryStand } from './testing/index.ts';

const { signal } = new AbortController();
const caps = { failures: 3, latencyLimitMs: 1000, creditRate: 0 };

async function standWithSideDoor() {
  const clock = new VirtualClock();
  const stand = await memoryStand('w');
  const account = stand.calls as MemoryAccount;
  const routers = new MemoryRouters();
  const doors = { 'w-alb:80': { targetGroup: 'w-side', port: 9800 } };
  const platform = awsPlatform({ calls: account, clock, sideDoors: { dataplane: routers, doors } });
  const deployment = deploymentOf(stand);
  const slice = (share: number, exposure: 'all' | 'reads' = 'all') =>
    platform.traffic.slice(deployment, 'wr', { name: 'watch', share, exposure, caps });
  const make = async (change: Change) => {
    const kind = platform.changeKinds.find((one) => one.kind === change.kind) as AnyChangeKind;
    const before = await kind.capture(change.params, signal);
    await kind.apply(change.params, before, signal);
    return () => kind.revert(change.params, before, signal);
  };
  const side = await account.balancing.targetGroup('w-side', signal);
  return { account, stand, routers, platform, deployment, slice, make, clock, side: side?.arn ?? '' };
}

/** Everything that stands before a slice. */
async function launched({ platform, deployment, make }: Awaited<ReturnType<typeof standWithSideDoor>>) {
  const wirings = (['control', 'experiment'] as const).map((arm) => ({ arm, wiring: platform.faults.wire(deployment, arm, 'wr') }));
  for (const { wiring } of wirings) for (const change of wiring.changes) await make(change);
  for (const { arm, wiring } of wirings) await make(platform.clusters.launch(deployment, arm, wiring, 'wr', 2));
  return make(platform.traffic.attach(deployment, 'wr', []));
}

test('routers of ours stand in a route only where a side door is named for it', async (t) => {
  const { platform, account } = await standWithSideDoor();
  t.equal(platform.isRouted?.('w-alb:80'), true);
  t.equal(platform.isRouted?.('w-alb:80/10'), false);
  t.equal(awsPlatform({ calls: account, clock: new VirtualClock() }).isRouted?.('w-alb:80'), false);
});

test('what is sent to a side door is so much that each arm gets its share, and the routers know of it before anybody comes', async (t) => {
  const all = await standWithSideDoor();
  const { account, stand, routers, slice, make, side, clock } = all;
  await launched(all);
  const actions = (await account.balancing.rules(stand.listener, signal)).find((one) => one.isDefault)?.actions;
  // One router beside two instances: every third request at the side door enters it, and a third of those each arm.
  const undo = await make(slice(0.05));
  const rule = (await account.balancing.rules(stand.listener, signal)).find((one) => one.isDefault);
  const groups = forwardOf(rule?.actions ?? [])?.groups ?? [];
  const sum = groups.reduce((total, one) => total + one.weight, 0);
  const sent = (groups.find((one) => one.targetGroup === side)?.weight ?? 0) / sum;
  t.ok(Math.abs(sent - 0.45) < 0.001, `${sent} is sent to the side door`);
  t.equal(groups.length, 2, 'and nothing to the arms themselves');
  const [route] = (await routers.view()).routes;
  t.match(route, { port: 9800, production: [{}, {}], slices: [{ name: 'watch', share: 1 / 3, caps }] });
  const undone = undo();
  await clock.advance(4_999);
  t.same((await routers.view()).routes[0]?.slices, [], 'users leave the arms at once');
  t.same(
    (await account.balancing.rules(stand.listener, signal)).find((one) => one.isDefault)?.actions,
    actions,
    'and the rule is what it was',
  );
  t.equal(clock.sleeping(), 1, 'but the door waits until all of the balancer has heard of it');
  await clock.advance(1);
  t.equal(clock.sleeping(), 0);
  await undone;

  account.register(side, [{ id: '10.0.0.9', port: 9800, state: 'initial' }]);
  await t.rejects(make(slice(0.05)), { code: 'unavailable', message: /no router in the side door w-side .* is healthy/ });
});

test('while a run goes on the routers hear where production is now; what of it is at the routers is a leftover until it is detached', async (t) => {
  const all = await standWithSideDoor();
  const { account, platform, routers, clock } = all;
  const detach = await launched(all);
  const [before] = (await routers.view()).routes;
  t.equal(before?.production.length, 2);
  const production = await account.balancing.targetGroup('w-targets', signal);
  await platform.renew('wr', clock.now() + 5_000, signal);
  account.register(production?.arn ?? '', [{ id: '10.0.0.7', port: 8080, state: 'healthy' }]);
  await clock.advance(11_000);
  await platform.renew('wr', clock.now() + 5_000, signal);
  const [now] = (await routers.view()).routes;
  t.match(now?.production.at(-1), { address: 'http://10.0.0.7:8080' });
  t.equal(now?.attached[0]?.until, clock.now() + 5_000, 'and the lease is renewed');
  t.match((await platform.leftovers('wr', signal)).join(), /arms at Haldane's routers, on route aws\.w-alb\.80/);
  await detach();
  t.same((await routers.view()).routes, [], 'the route closes with the last run');
  await platform.renew('wr', clock.now() + 5_000, signal);
});

test('nobody is sent to a target group that stands by, and a rule that divides users by weights is refused', async (t) => {
  const all = await standWithSideDoor();
  const { account, stand, routers, platform, deployment, slice } = all;
  const rule = (await account.balancing.rules(stand.listener, signal)).find((one) => one.isDefault);
  if (rule === undefined) throw new Error('there is no rule');
  const standBy = async (weight: number) => {
    const groups = [...(forwardOf(rule.actions)?.groups ?? []), { targetGroup: stand.theirs, weight }];
    await account.balancing.setActions(stand.listener, rule, withGroups(rule.actions, groups), signal);
  };
  const refusals = async () => (await platform.refusals(deployment, signal, [slice(0.05)])).join('; ');
  account.register(stand.theirs, [{ id: '10.0.0.66', port: 8080, state: 'healthy' }]);
  await standBy(1);
  t.match(await refusals(), /divides users among 2 target groups by weights/);
  await standBy(0);
  t.equal(await refusals(), '');
  await launched(all);
  t.same(
    (await routers.view()).routes[0]?.production.map(({ address }) => address),
    ['http://10.0.0.1:8080', 'http://10.0.0.2:8080'],
  );
});

test('a renewal does not open again what was closed meanwhile, and a route that stays open for nobody is not put back yet', async (t) => {
  const all = await standWithSideDoor();
  const { account, platform, deployment, routers, clock } = all;
  const detach = await launched(all);
  const { health } = account.balancing;
  let asked = false;
  let goOn: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  account.balancing.health = async (...given) => {
    asked = true;
    await gate;
    return health(...given);
  };
  const renewed = platform.renew('wr', clock.now() + 5_000, signal);
  await clock.advance(0);
  t.ok(asked, 'AWS is asked where production is');
  await detach();
  t.same((await routers.view()).routes, []);
  goOn();
  await renewed;
  t.same((await routers.view()).routes, [], 'it stays closed');

  account.balancing.health = health;
  const { params } = platform.traffic.attach(deployment, 'wr', []);
  const kind = platform.changeKinds.find((one) => one.kind === 'aws.attach') as AnyChangeKind;
  await kind.apply(params, null, signal);
  const deleteRoute = routers.deleteRoute.bind(routers);
  routers.deleteRoute = () => Promise.reject(new Error('it did not answer'));
  await t.rejects(kind.revert(params, null, signal));
  t.equal(await kind.isReverted(params, null, signal), false);
  t.match((await platform.leftovers('wr', signal)).join(), /route aws\.w-alb\.80 at Haldane's routers, open though no run is attached/);
  routers.deleteRoute = deleteRoute;
  await kind.revert(params, null, signal);
  t.ok(await kind.isReverted(params, null, signal));
});

test('the plan says who holds what at a side door, lets reads be told from writes, and refuses one that cannot be used', async (t) => {
  const all = await standWithSideDoor();
  const { account, stand, platform, deployment, slice, side } = all;
  const refusals = async (change = slice(0.05)) => (await platform.refusals(deployment, signal, [change])).join('; ');
  t.equal(await refusals(slice(0.05, 'reads')), '');
  const advice = await platform.advise?.(deployment, [slice(0.05)], 60, signal);
  t.same(
    advice?.caps.map((cap) => cap.name),
    ['share of the route'],
    'the caps that routers hold are theirs',
  );
  t.match(advice?.notes.join(), /the user's key says which arm/);
  t.match(await refusals(slice(0.2)), /one in 3 requests enters a router.*at most 10\.5%, or add routers/);
  const instances = [{ id: '10.0.0.1', port: 8080, state: 'healthy' }];
  account.register(side, instances);
  t.match(await refusals(), /w-side holds no router.*register the machine/);
  account.register(side, [...instances.map((one) => ({ ...one, state: 'unused' })), { id: '10.0.0.9', port: 9800, state: 'unused' }]);
  t.match(await refusals(), /holds no healthy instance of production's/);
  const rule = (await account.balancing.rules(stand.listener, signal)).find((one) => one.isDefault);
  if (rule === undefined) throw new Error('there is no rule');
  const groups = [...(forwardOf(rule.actions)?.groups ?? []), { targetGroup: side, weight: 1 }];
  await account.balancing.setActions(stand.listener, rule, withGroups(rule.actions, groups), signal);
  t.match(await refusals(), /w-side stands in the rule already/);
  await account.balancing.setActions(stand.listener, rule, rule.actions, signal);
  await account.balancing.removeTargetGroup(side, signal);
  t.match(await refusals(), /there is no target group w-side/);
});

test('who comes by a side door is in no target group’s metrics, and only an Application Load Balancer has any', async (t) => {
  const { platform, deployment, account, clock } = await standWithSideDoor();
  const meters = async (one: typeof platform) => void (await one.meters?.(deployment, null, signal));
  await t.rejects(meters(platform), {
    code: 'refused',
    message: /come to the arms by its side door.*write metrics: router/,
  });
  const plain = awsPlatform({ calls: account, clock });
  await t.rejects(meters(plain), {
    code: 'refused',
    message: /is no listener of an Application Load Balancer/,
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TrafficBlock } from '@haldane/core';
import type { BudgetHeld, BudgetHolder, BudgetOrder, TelemetryNews } from '@haldane/dataplane';
import { assign, BudgetLease, DataplaneClient, RouterFleet } from '@haldane/dataplane';
import { test } from 'tap';
import { Agent, ask, cookie, FakeTime, newKey, secret, seeded, sliceOf, stand, until, upstream } from '../test/stand.ts';
import { Budget } from './run/budget.ts';
import { type RouterTime, systemTime } from './time.ts';

const gone = new Error('no answer');

/**
 * A router behind a bad network: orders and answers get lost or arrive much later, and it is killed and started anew. Its requests come,
 * succeed and fail at random.
 */
class ShakyRouter implements BudgetHolder {
  readonly #draw: () => number;
  readonly #caps: () => { readonly failures: number; readonly users: number };
  #life = 1;
  #budget: Budget;
  readonly #late: BudgetOrder[] = [];
  #inFlight: string[] = [];
  down = false;
  /** What clients saw here, whatever life it was in. */
  failed = 0;
  readonly hurt = new Set<string>();
  constructor(draw: () => number, caps: () => { readonly failures: number; readonly users: number }) {
    this.#draw = draw;
    this.#caps = caps;
    this.#budget = this.#fresh(false);
  }
  #fresh(lost: boolean): Budget {
    const budget = new Budget(lost);
    budget.limit({ ...this.#caps(), latencyLimitMs: 1000, creditRate: 0 }, true);
    return budget;
  }
  #follow(order: BudgetOrder): void {
    if (order.life === `${this.#life}`) this.#budget.order(order);
  }
  async budget(): Promise<BudgetHeld> {
    if (this.down || this.#draw() < 0.2) throw gone;
    return this.#budget.held(`${this.#life}`);
  }
  async order(order: BudgetOrder): Promise<BudgetHeld> {
    await Promise.resolve();
    const luck = this.#draw();
    if (this.down || luck < 0.1) throw gone;
    if (luck < 0.25) {
      this.#late.push(order);
      throw gone;
    }
    this.#follow(order);
    if (luck < 0.4) throw gone;
    return this.#budget.held(`${this.#life}`);
  }
  /** One thing happens: a request comes or ends, an order that was late arrives, or the router dies and comes back. */
  step(): void {
    const luck = this.#draw();
    if (luck < 0.002) this.restart();
    else if (luck < 0.05) {
      const [late] = this.#late.splice(Math.floor(this.#draw() * this.#late.length), 1);
      if (late) this.#follow(late);
    } else if (luck < 0.6) {
      const key = `user ${Math.floor(this.#draw() * 30)}`;
      if (this.#budget.admit(key)) this.#inFlight.push(key);
    } else if (this.#inFlight.length > 0) {
      const [key] = this.#inFlight.splice(Math.floor(this.#draw() * this.#inFlight.length), 1) as [string];
      if (this.#draw() < 0.05) this.#fail(key);
      else this.#budget.release(key);
    }
  }
  /** Whoever was in flight sees a failure. */
  restart(): void {
    for (const key of this.#inFlight.splice(0)) this.#fail(key);
    this.#life += 1;
    this.#budget = this.#fresh(true);
  }
  #fail(key: string): void {
    this.failed += 1;
    this.hurt.add(key);
    this.#budget.charge(key);
  }
  get inFlight(): number {
    return this.#inFlight.length;
  }
}

test('whatever is lost, late, cut off or killed, routers together never spend more than the cap', async (t) => {
  let moved = 0;
  let restarted = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const draw = seeded(seed * 7919);
    const caps = { failures: 1 + (seed % 40), users: 1 + (seed % 7) };
    const routers = Array.from({ length: 3 }, () => new ShakyRouter(draw, () => caps));
    let lease = new BudgetLease('r1', routers);
    const check = (when: string) => {
      const failed = routers.reduce((sum, router) => sum + router.failed, 0);
      const users = new Set(routers.flatMap((router) => [...router.hurt])).size;
      if (failed > caps.failures || users > caps.users)
        t.fail(`seed ${seed}, ${when}: ${failed} failures of ${caps.failures}, ${users} users of ${caps.users}`);
    };
    for (let i = 0; i < 400; i += 1) {
      const before = routers.map((router) => router.failed + router.inFlight);
      for (const router of routers) {
        const life = router.failed;
        for (let n = 0; n < 4; n += 1) router.step();
        if (router.failed - life > 1) restarted += 1;
      }
      if (draw() < 0.02) for (const router of routers) router.down = draw() < 0.3;
      // Another coordinator takes over where the first was, knowing nothing.
      if (draw() < 0.01) lease = new BudgetLease('r1', routers);
      if (i === 0 || draw() < 0.3) await lease.open({ ...caps, latencyLimitMs: 1000, creditRate: 0 }).catch(() => undefined);
      else if (draw() < 0.5) await lease.balance();
      if (routers.some((router, n) => router.failed + router.inFlight !== before[n])) moved += 1;
      check(`step ${i}`);
    }
    for (const router of routers) router.restart();
    check('when all of them are killed');
  }
  t.ok(moved > 1000 && restarted > 0, `something happened in ${moved} steps`);
});

test('units go where requests are turned away, and a lowered cap takes idle ones back', async (t) => {
  const caps = { failures: 9, latencyLimitMs: 1000, creditRate: 0 };
  const budgets = [new Budget(), new Budget(), new Budget()];
  const holders = budgets.map((budget, i) => ({
    budget: async () => budget.held(`${i}`),
    order: async (order: BudgetOrder) => {
      budget.order(order);
      return budget.held(`${i}`);
    },
  }));
  const [a, b, c] = budgets as [Budget, Budget, Budget];
  const parts = () => budgets.map((budget) => budget.held('').part.failures);
  const lease = new BudgetLease('r1', holders);
  await lease.open(caps);
  t.same(parts(), [3, 3, 3]);
  for (const budget of budgets) budget.limit(caps, true);
  for (let i = 0; i < 100; i += 1) a.admit(`${i}`);
  t.ok(b.admit('b'));
  await lease.balance();
  const [most = 0, some, least] = parts();
  t.equal(most + (some ?? 0) + (least ?? 0), 9, 'all of it is somewhere');
  t.ok(most >= 7, `${most} of 9 are where a hundred asked`);
  t.ok((some ?? 0) >= 1, 'what is reserved stays where it is');
  for (let i = 0; i < 3; i += 1) a.charge(`${i}`);
  await lease.open({ ...caps, failures: 4 });
  t.same(parts(), [3, 1, 0], 'spent and in flight, and no more');
  t.notOk(a.admit('x') || b.admit('x') || c.admit('x'));
});

test('a budget is divided in three rounds of questions, however many routers there are, and in one when nothing changed', async (t) => {
  for (const routers of [2, 9]) {
    const waiting: (() => void)[] = [];
    const inItsRound = () => new Promise<void>((resolve) => waiting.push(resolve));
    const holders = Array.from({ length: routers }, (_, i) => {
      const budget = new Budget();
      const held = async () => {
        await inItsRound();
        return budget.held(`${i}`);
      };
      return {
        budget: held,
        order: (order: BudgetOrder) => {
          budget.order(order);
          return held();
        },
      };
    });
    const lease = new BudgetLease('r1', holders);
    const roundsOf = async (work: Promise<void>) => {
      let over = false;
      const ended = work.finally(() => {
        over = true;
      });
      for (let rounds = 0; ; rounds += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        if (over) return ended.then(() => rounds);
        for (const go of waiting.splice(0)) go();
      }
    };
    const caps = { failures: 20, latencyLimitMs: 1000, creditRate: 0 };
    t.equal(await roundsOf(lease.open(caps)), 3, 'who holds what, nobody else may order, each gets a part');
    t.equal(await roundsOf(lease.open(caps)), 1);
  }
});

/** Three routers on one route, with arms that answer by name unless told otherwise. */
async function standWithFleet(
  t: Parameters<typeof stand>[0] & { teardown(fn: () => unknown): void },
  {
    speakTo = (url: string, token: string) => new DataplaneClient({ url, token }),
    time = systemTime,
  }: { readonly speakTo?: (url: string, token: string) => DataplaneClient; readonly time?: RouterTime } = {},
) {
  const named = (name: string) => upstream(t, (_request, response) => response.end(name));
  const [production, control, experiment] = await Promise.all(['production', 'control', 'experiment'].map(named));
  const stands = await Promise.all([1, 2, 3].map(() => stand(t, { time })));
  const clock = { now: () => time.now(), sleep: (ms: number) => wait(ms) };
  const fleet = new RouterFleet({ routers: stands.map(({ router, token }) => speakTo(router.adminUrl, token)), clock });
  const { ports } = await fleet.putRoute({ route: 'pay', port: 0, production: [production?.url ?? ''] });
  const attachment = {
    runId: 'r1',
    route: 'pay',
    arms: { control: [control?.url ?? ''], experiment: [experiment?.url ?? ''] },
    secret,
    until: time.now() + 60_000,
  };
  await fleet.attach(attachment);
  return { fleet, ports, stands, attachment };
}

test('several routers are one data plane: one route, one run, one user who is counted once', async (t) => {
  const { fleet, ports, stands } = await standWithFleet(t);
  t.equal(new Set(ports).size, 3, 'each router has a port of its own');
  const view = await fleet.putSlice('pay', sliceOf({ cap: 30, share: 0.5 }));
  t.match(view, { ports, slices: [{ runId: 'r1', spent: 0 }], attached: [{ runId: 'r1' }] });
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const keys = Array.from({ length: 20 }, newKey);
  for (const key of keys)
    for (const port of ports)
      t.match(await ask(port, { headers: cookie(key), agent }), { body: assign(secret, key, 0.5) }, 'the same arm at every router');
  const blocks = await until(async () => {
    const answer = await fleet.telemetry('r1', 0);
    const requests = answer.blocks.reduce((sum, { real }) => sum + real.control.requests + real.experiment.requests, 0);
    return requests === 60 ? answer.blocks : null;
  }, 'all requests are told');
  const sum = (of: (block: (typeof blocks)[number]) => number) => blocks.reduce((all, block) => all + of(block), 0);
  t.equal(
    sum(({ keys: seen }) => seen.control + seen.experiment),
    20,
    'a user at three routers is one user',
  );
  t.equal(
    sum(({ switched }) => switched),
    0,
  );
  t.same((await fleet.telemetry('r1', 0)).blocks.slice(0, blocks.length), blocks, 'and is told the same again');
  t.equal(
    sum(({ byInstance }) =>
      [...(byInstance?.control ?? []), ...(byInstance?.experiment ?? [])].reduce((all, { requests }) => all + requests, 0),
    ),
    60,
    'instances are the same ones at every router',
  );
  t.ok(blocks.every(({ budget }) => budget.cap === 30 || budget.cap === 0));
  let struck = newKey();
  while (assign(secret, struck, 0.5) !== 'experiment') struck = newKey();
  await fleet.setRequestFault('pay', 'r1', 'experiment', { mode: 'abort', status: 418 });
  for (const port of ports) t.match(await ask(port, { headers: cookie(struck), agent }), { status: 418 }, 'a fault is met at every router');
  t.match((await fleet.view()).routes[0]?.attached, [{ faults: [{ arm: 'experiment', met: 3 }] }], 'and counted together');
  await fleet.clearRequestFault('pay', 'r1', 'experiment');
  t.match(await ask(ports[0] ?? 0, { headers: cookie(struck), agent }), { body: 'experiment' });
  await fleet.renew('r1', Date.now() + 120_000);
  await fleet.deleteSlice('pay', 'r1', 'main');
  await fleet.detach('pay', 'r1');
  for (const { client } of stands) t.match(await client.view(), { routes: [{ attached: [], slices: [] }] });
});

test('what happens at any router is told while its second is open, and the second once, when all have closed it', async (t) => {
  // The wall's clock stands still: whatever is heard of an event was not told by the end of its second.
  const time = new FakeTime();
  const { fleet, ports } = await standWithFleet(t, { time });
  await fleet.putSlice('pay', sliceOf({ cap: 30 }));
  const second = Math.floor(time.now() / 1000);
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const news = fleet.follow('r1', second - 1, stop.signal);
  const next = async (isIt: (news: TelemetryNews) => boolean) => {
    for (;;) {
      const { value, done } = await news.next();
      if (done) throw new Error('the stream ended');
      if (isIt(value)) return value;
    }
  };
  const inArms = ({ real }: TrafficBlock) => real.control.requests + real.experiment.requests;
  await Promise.all(ports.map((port) => ask(port, { headers: cookie(newKey()) })));
  await next(({ open }) => open !== null && inArms(open) === 3);
  time.pass(1250);
  const { blocks } = await next((said) => said.blocks.length > 0);
  t.same(
    blocks.map((block) => [block.at, inArms(block), block.keys.control + block.keys.experiment]),
    [[second, 3, 3]],
  );
  time.pass(1000);
  t.same(
    (await next((said) => said.blocks.length > 0)).blocks.map(({ at }) => at),
    [second + 1],
    'none twice',
  );
  await fleet.detach('pay', 'r1');
  await next(({ attached }) => !attached);
  t.equal((await news.next()).done, true);
  await t.rejects(fleet.follow('nobody', 0, AbortSignal.timeout(20_000)).next(), { code: 'gone' });
});

test('whoever follows a run has units move as soon as a request is turned away: no lease is renewed here', async (t) => {
  const { fleet, ports } = await standWithFleet(t);
  await fleet.putSlice('pay', sliceOf({ cap: 3, share: 0.5 }));
  await fleet.setRequestFault('pay', 'r1', 'experiment', { mode: 'abort' });
  const ending = new AbortController();
  const following = (async () => {
    for await (const news of fleet.follow('r1', 0, ending.signal)) void news;
  })().catch(() => undefined);
  t.teardown(() => {
    ending.abort();
    return following;
  });
  let key = newKey();
  while (assign(secret, key, 0.5) !== 'experiment') key = newKey();
  const [port = 0] = ports;
  let failed = 0;
  const call = async () => {
    const answer = await ask(port, { headers: cookie(key) });
    if (answer !== 'broken' && answer.status === 503) failed += 1;
    return failed;
  };
  t.equal(await call(), 1, 'its own unit');
  await until(async () => (await call()) === 3, 'it has spent what was meant for the others');
  for (let n = 0; n < 20; n += 1) await call();
  t.equal(failed, 3, 'and no more');
});

test('a lease is renewed though the budget is slow to move, and units go where they are wanted all the same', async (t) => {
  let letGo: () => void = () => undefined;
  let answering = Promise.resolve();
  class SlowToSay extends DataplaneClient {
    override async budget(...asked: Parameters<DataplaneClient['budget']>) {
      await answering;
      return super.budget(...asked);
    }
  }
  const { fleet, ports, stands } = await standWithFleet(t, { speakTo: (url, token) => new SlowToSay({ url, token }) });
  await fleet.putSlice('pay', sliceOf({ cap: 3 }));
  answering = new Promise((resolve) => {
    letGo = resolve;
  });
  const end = Date.now() + 120_000;
  await fleet.renew('r1', end - 1);
  await fleet.renew('r1', end);
  for (const { client } of stands) t.match(await client.view(), { routes: [{ attached: [{ until: end }] }] });
  letGo();
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const parts = async () => Promise.all(stands.map(async ({ client }) => (await client.budget('r1')).part.failures));
  const [first = 0, ...others] = await until(async () => {
    await Promise.all(Array.from({ length: 20 }, () => ask(ports[0] ?? 0, { headers: cookie(newKey()), agent })));
    await fleet.renew('r1', end);
    const now = await parts();
    return (now[0] ?? 0) > 1 ? now : null;
  }, 'more than its third is where everybody asks');
  t.ok(first + others.reduce((sum, one) => sum + one, 0) <= 3, `${first} beside ${others.join(' and ')}`);
});

test('a router that is not heard makes the whole unavailable, and one that does not know the run makes it gone', async (t) => {
  const { fleet, stands } = await standWithFleet(t);
  await fleet.putSlice('pay', sliceOf({ cap: 3 }));
  await stands[2]?.client.detach('pay', 'r1');
  await t.rejects(fleet.putSlice('pay', sliceOf({ cap: 3, name: 'again' })), { code: 'gone' });
  await stands[1]?.router.stop();
  await t.rejects(fleet.telemetry('r1', 0), { code: 'unavailable' });
  await t.rejects(fleet.view(), { code: 'unavailable' });
  await t.rejects(fleet.renew('r1', Date.now() + 99_000), { code: 'unavailable' });
  const until = (await stands[0]?.client.view())?.routes[0]?.attached[0]?.until ?? 0;
  t.ok(until > Date.now() + 80_000, 'those that live were renewed all the same');
});

test('a router that was started anew has nothing left of the budget of a run that it served, and gets new units only by order', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'haldane-router-'));
  t.teardown(() => rmSync(stateDir, { recursive: true, force: true }));
  const said: string[] = [];
  const arm = await upstream(t, (_request, response) => response.writeHead(500).end());
  const production = await upstream(t, (_request, response) => response.end('production'));
  const start = async () => {
    const { client, router } = await stand(t, { stateDir, warn: (message) => said.push(message) });
    const { port } = await client.putRoute({ route: 'pay', port: 0, production: [production.url] });
    const attachment = {
      runId: 'r1',
      route: 'pay',
      arms: { control: [arm.url], experiment: [arm.url] },
      secret,
      until: Date.now() + 60_000,
    };
    await client.attach(attachment);
    return { client, router, failing: async () => (await ask(port, { headers: cookie(newKey()) })) as { status: number } };
  };
  const first = await start();
  await first.client.putSlice('pay', sliceOf({ cap: 4 }));
  t.match(await first.failing(), { status: 500 });
  await first.router.stop();
  t.match(JSON.parse(readFileSync(join(stateDir, 'served.json'), 'utf8')), [{ runId: 'r1' }]);
  t.notMatch(readFileSync(join(stateDir, 'served.json'), 'utf8'), secret, 'the key of the run is nowhere on disk');

  const second = await start();
  t.match(said, [/started again.* r1, has no budget left/]);
  const view = await second.client.putSlice('pay', sliceOf({ cap: 4 }));
  t.match(view.slices, [{ spent: 4 }], 'what is not known counts as spent');
  t.match(await second.failing(), { status: 200 });
  const held = await second.client.budget('r1');
  t.match(held, { lost: true, part: { failures: 0 } });
  await second.client.order({ runId: 'r1', life: 'earlier', turn: 1, part: { failures: 2, users: null } });
  t.match(await second.failing(), { status: 200 }, 'an order for an earlier life does nothing');
  await second.client.order({ runId: 'r1', life: held.life, turn: 1, part: { failures: 1, users: null } });
  t.match(await second.failing(), { status: 500 });
  t.match(await second.failing(), { status: 200 });

  await second.client.renew('r1', Date.now() - 1);
  t.match(await second.client.view(), { routes: [{ attached: [], slices: [], lapsed: [{ runId: 'r1' }] }] });
  t.match(said.at(-1), /run r1 was not renewed in time: all users of route pay are production's again/);
});

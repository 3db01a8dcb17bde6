import {
  type Arm,
  type Clock,
  type DependencyFault,
  HaldaneError,
  type RequestFault,
  type SliceRules,
  type TrafficBlock,
} from '@haldane/core';
import type { Dataplane } from '../dataplane.ts';
import type { DataplaneClient } from '../dataplane-client.ts';
import type {
  Attachment,
  DataplaneView,
  ProxyConfig,
  ProxyView,
  RouteConfig,
  RouteView,
  SliceConfig,
  TelemetryAnswer,
  TelemetryNews,
} from '../wire.ts';
import { allToTheEnd } from './all-to-the-end.ts';
import { BudgetLease } from './budget-lease.ts';
import { TelemetryMerge } from './merge-telemetry.ts';
import { mergeRoute, mergeViews } from './merge-views.ts';
import { tellTogether } from './tell-together.ts';

/** As long as routers remember a run that was detached. */
const rememberedMs = 900_000;

/** What the fleet knows of one run. */
class FleetRun {
  readonly lease: BudgetLease;
  readonly telemetry = new TelemetryMerge();
  /** How many of the keys that succeeded each router was told of. */
  readonly told: number[];
  detachedAt: number | null = null;
  #moving = false;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(runId: string, routers: readonly DataplaneClient[]) {
    this.lease = new BudgetLease(runId, routers);
    this.told = routers.map(() => 0);
  }
  /** Begins to move idle units and news of keys, unless that is still under way. Nobody waits for it: what fails is made good the next time. */
  move(work: () => Promise<unknown>): void {
    if (this.#moving || this.detachedAt !== null) return;
    this.#moving = true;
    const over = () => {
      this.#moving = false;
    };
    work().then(over, over);
  }
  /** Readings one after the other: each second is added up once. */
  reading<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#reading.then(work);
    this.#reading = turn.catch(() => undefined);
    return turn;
  }
}

/**
 * Several routers on the same routes, as one data plane. What is put or deleted goes to all, also when one of them fails; then the call
 * throws that failure, and may be repeated. A second of telemetry is told when all have closed it, so a router that is silent silences
 * the whole, which ends the run when it lasts (law 6). Who a user is and which arm that user has needs no talk between routers: both
 * follow from the run's secret. The budget is leased to them in parts (`BudgetLease`). Dependency proxies live on the first router,
 * because an arm reaches a dependency at one address.
 */
export class RouterFleet implements Dataplane {
  readonly #routers: readonly DataplaneClient[];
  readonly #home: DataplaneClient;
  readonly #clock: Clock;
  readonly #runs = new Map<string, FleetRun>();

  constructor(options: { readonly routers: readonly DataplaneClient[]; readonly clock: Clock }) {
    const [home] = options.routers;
    if (home === undefined) throw new HaldaneError('bad-request', 'a fleet must have at least one router');
    this.#routers = options.routers;
    this.#home = home;
    this.#clock = options.clock;
  }

  /** A port above 0 is the first router's; the others take the ones that follow it. */
  async putRoute(config: RouteConfig, signal?: AbortSignal): Promise<RouteView> {
    return mergeRoute(
      await this.#all((router, i) => router.putRoute({ ...config, port: config.port === 0 ? 0 : config.port + i }, signal)),
    );
  }
  async deleteRoute(route: string, signal?: AbortSignal): Promise<void> {
    await this.#all((router) => router.deleteRoute(route, signal));
  }
  async attach(attachment: Attachment, signal?: AbortSignal): Promise<RouteView> {
    const now = this.#clock.now();
    for (const [id, { detachedAt }] of this.#runs) if (detachedAt !== null && now - detachedAt > rememberedMs) this.#runs.delete(id);
    const run = this.#run(attachment.runId);
    const view = mergeRoute(await this.#all((router) => router.attach(attachment, signal)));
    run.detachedAt = null;
    return view;
  }
  async detach(route: string, runId: string, signal?: AbortSignal): Promise<void> {
    await this.#all((router) => router.detach(route, runId, signal));
    const run = this.#runs.get(runId);
    if (run) run.detachedAt = this.#clock.now();
  }
  /** First each router gets its part of the budget, and hears whose denial would be a failure: who succeeded at another one. */
  async putSlice(route: string, slice: SliceConfig, signal?: AbortSignal): Promise<RouteView> {
    const run = this.#run(slice.runId);
    const tellKeys = async () => {
      await this.telemetry(slice.runId, Number.MAX_SAFE_INTEGER, signal);
      await this.#tellKeys(slice.runId, run, signal);
    };
    await allToTheEnd([run.lease.open(slice.caps, signal), tellKeys()]);
    const part = { ...slice, ...rulesOfOne(slice.rules, this.#routers.length), leased: true };
    return mergeRoute(await this.#all((router) => router.putSlice(route, part, signal)));
  }
  async deleteSlice(route: string, runId: string, name: string, signal?: AbortSignal): Promise<void> {
    await this.#all((router) => router.deleteSlice(route, runId, name, signal));
  }
  async cutSlice(route: string, runId: string, name: string, signal?: AbortSignal): Promise<void> {
    await this.#all((router) => router.cutSlice(route, runId, name, signal));
  }
  putProxy(config: ProxyConfig, signal?: AbortSignal): Promise<ProxyView> {
    return this.#home.putProxy(config, signal);
  }
  deleteProxy(proxy: string, signal?: AbortSignal): Promise<void> {
    return this.#home.deleteProxy(proxy, signal);
  }
  setFault(proxy: string, fault: DependencyFault, signal?: AbortSignal): Promise<ProxyView> {
    return this.#home.setFault(proxy, fault, signal);
  }
  clearFault(proxy: string, signal?: AbortSignal): Promise<void> {
    return this.#home.clearFault(proxy, signal);
  }
  async setRequestFault(route: string, runId: string, arm: Arm, fault: RequestFault, signal?: AbortSignal): Promise<RouteView> {
    return mergeRoute(await this.#all((router) => router.setRequestFault(route, runId, arm, fault, signal)));
  }
  async clearRequestFault(route: string, runId: string, arm: Arm, signal?: AbortSignal): Promise<void> {
    await this.#all((router) => router.clearRequestFault(route, runId, arm, signal));
  }
  /**
   * Says it once to each router, and no more: a lease must not end because a budget is slow to move. Beside it, what lies idle of the
   * budget begins to move to where it is wanted, as far as routers answer.
   */
  async renew(runId: string, until: number, signal?: AbortSignal): Promise<void> {
    const renewed = this.#all((router) => router.renew(runId, until, signal));
    const run = this.#runs.get(runId);
    if (run) this.#move(runId, run);
    await renewed;
  }
  async view(signal?: AbortSignal): Promise<DataplaneView> {
    return mergeViews(await this.#all((router) => router.view(signal)));
  }
  async telemetry(runId: string, after: number, signal?: AbortSignal): Promise<TelemetryAnswer> {
    const run = this.#run(runId);
    return run.reading(async () => {
      const { through } = run.telemetry;
      return run.telemetry.add(await this.#all((router) => router.names(runId, through, signal)), after);
    });
  }
  /**
   * Closed seconds are added up when a router tells that it closed one; what is open, whenever any of them says something. As soon as one
   * turns requests away, what others do not use of the budget begins to move there.
   */
  async *follow(runId: string, after: number, signal: AbortSignal): AsyncGenerator<TelemetryNews> {
    const run = this.#run(runId);
    const { telemetry } = run;
    const last = new Map<number, TrafficBlock>();
    let told = after;
    const streams = this.#routers.map((router) => (ending: AbortSignal) => router.follow(runId, after, ending));
    for await (const { from, said } of tellTogether(streams, signal)) {
      const newest = said.open ?? said.blocks.at(-1);
      if (newest !== undefined) last.set(from, newest);
      const { blocks } = said.blocks.length > 0 ? await this.telemetry(runId, told, signal) : { blocks: [] };
      told = blocks.at(-1)?.at ?? told;
      const open = telemetry.open([...last.values()]);
      if (newest?.narrowed && open !== null && open.budget.spent < open.budget.cap + open.budget.credit) this.#move(runId, run);
      yield { blocks, open, now: said.now, attached: said.attached };
      // What is left to tell is there to be asked for.
      if (!said.attached) return;
    }
  }
  async drain(signal?: AbortSignal): Promise<void> {
    await this.#all((router) => router.drain(signal));
  }

  #move(runId: string, run: FleetRun): void {
    run.move(() => Promise.all([run.lease.balance(), this.#tellKeys(runId, run)]));
  }
  async #tellKeys(runId: string, run: FleetRun, signal?: AbortSignal): Promise<void> {
    const { succeeded } = run.telemetry;
    const upTo = succeeded.length;
    await this.#all(async (router, i) => {
      const news = succeeded.slice(run.told[i], upTo);
      if (news.length > 0) await router.learn(runId, news, signal);
      run.told[i] = upTo;
    });
  }
  #run(runId: string): FleetRun {
    const run = this.#runs.get(runId) ?? new FleetRun(runId, this.#routers);
    this.#runs.set(runId, run);
    return run;
  }
  #all<T>(call: (router: DataplaneClient, i: number) => Promise<T>): Promise<T[]> {
    return allToTheEnd(this.#routers.map(call));
  }
}

/** A limit in requests a second is the slice's, not each router's. */
function rulesOfOne(rules: SliceRules | undefined, routers: number): { readonly rules?: SliceRules } {
  if (rules?.perSecond === undefined) return {};
  return { rules: { ...rules, perSecond: rules.perSecond / routers } };
}

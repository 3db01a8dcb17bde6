import { randomUUID } from 'node:crypto';
import { type Arm, type DependencyFault, type DependencyProbe, HaldaneError, type RequestFault } from '@haldane/core';
import {
  type Attachment,
  type BudgetHeld,
  type BudgetOrder,
  type ProxyConfig,
  type ProxyView,
  type RouteConfig,
  type RouterTelemetry,
  type RouterView,
  type RouteView,
  type SliceConfig,
  type TelemetryAnswer,
  type TelemetryNews,
  verifySynthetic,
} from '@haldane/dataplane';
import { RouteDoor } from './door/route-door.ts';
import { exposition } from './prometheus/exposition.ts';
import { familiesOf } from './prometheus/families.ts';
import { checkDependency } from './proxy/check-dependency.ts';
import { DependencyProxy } from './proxy/dependency-proxy.ts';
import { AttachedRun } from './run/attached-run.ts';
import { RunLedger } from './run/run-ledger.ts';
import { telemetryNews } from './run/telemetry-news.ts';
import type { RouterTime } from './time.ts';

export type DataPlaneOptions = {
  readonly id: string;
  readonly host: string;
  readonly time: RouterTime;
  readonly routesChanged: (routes: readonly RouteConfig[]) => void;
  /** Runs that an earlier life of this router gave a slice: what they spent of their budgets is not known. */
  readonly lost: ReadonlySet<string>;
  /** Told before a run may spend anything here for the first time. */
  readonly spends: (runId: string) => void;
  /** Told what a person should know. */
  readonly warn: (message: string) => void;
  /** Why it was halted before it was started again; null when it was not. */
  readonly halted: string | null;
  readonly haltChanged: (halted: string | null) => void;
};

type Lapse = { readonly runId: string; readonly route: string; readonly at: number };
/** How long it is told that a run was ended for want of a renewal. */
const lapseToldMs = 900_000;

/** Everything that a router holds, and what the admin interface can do with it. Effects past their lease are gone at every use. */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #startedAt: number;
  readonly #doors = new Map<string, RouteDoor>();
  readonly #runs = new Map<string, AttachedRun>();
  readonly #ledgers = new Map<string, RunLedger>();
  readonly #proxies = new Map<string, DependencyProxy>();
  /** Marks this router's own calls to its proxies. */
  readonly #ownCheck = randomUUID();
  #lapses: readonly Lapse[] = [];

  #halted: string | null;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#halted = options.halted;
    this.#startedAt = options.time.now();
  }

  async putRoute(config: RouteConfig): Promise<RouteView> {
    const known = this.#doors.get(config.route);
    const door = known ?? new RouteDoor(config, this.#options.host, this.#options.time);
    await door.open(config);
    this.#doors.set(config.route, door);
    this.#options.routesChanged(this.#routes());
    return this.#viewRoute(door);
  }
  /** New requests are refused at once; those in flight have five seconds to finish. */
  deleteRoute(route: string): void {
    const door = this.#doors.get(route);
    if (!door) return;
    for (const run of [...door.runs]) this.#end(run);
    this.#doors.delete(route);
    this.#options.routesChanged(this.#routes());
    void door.close(5000);
  }
  attach(attachment: Attachment): RouteView {
    this.sweep();
    this.#refuseWhileHalted();
    const door = this.#door(attachment.route);
    const run = this.#runs.get(attachment.runId);
    if (run && run.route !== attachment.route)
      throw new HaldaneError('conflict', `run ${attachment.runId} is attached to route ${run.route}: detach it there first`);
    if (run) run.update(attachment);
    else {
      const attached = new AttachedRun(attachment, this.#ledger(attachment.runId), this.#options.time);
      this.#runs.set(attachment.runId, attached);
      door.runs.push(attached);
    }
    this.sweep();
    return this.#viewRoute(door);
  }
  detach(route: string, runId: string): void {
    const run = this.#runs.get(runId);
    if (run?.route === route) this.#end(run);
  }
  putSlice(route: string, slice: SliceConfig): RouteView {
    this.sweep();
    this.#refuseWhileHalted();
    const door = this.#door(route);
    const run = this.#attachedTo(route, slice.runId);
    this.#options.spends(slice.runId);
    run.putSlice(slice);
    return this.#viewRoute(door);
  }
  budget(runId: string): BudgetHeld {
    this.sweep();
    return this.#attached(runId).ledger.budget.held(this.#options.id);
  }
  order(order: BudgetOrder): BudgetHeld {
    this.sweep();
    const { budget } = this.#attached(order.runId).ledger;
    this.#options.spends(order.runId);
    if (order.life === this.#options.id) budget.order(order);
    return budget.held(this.#options.id);
  }
  learn(runId: string, succeeded: readonly string[]): void {
    const { keys } = this.#attached(runId).ledger;
    for (const key of succeeded) keys.learn(key);
  }
  /** No new request follows the slice. Those that it brought may finish where they are, unless they are to be cut off. */
  deleteSlice(route: string, runId: string, name: string, cut: boolean): void {
    const run = this.#runs.get(runId);
    if (run?.route === route) run.deleteSlice(name);
    if (cut) this.#doors.get(route)?.inFlight.cut({ runId, slice: name });
  }
  setRequestFault(route: string, runId: string, arm: Arm, fault: RequestFault): RouteView {
    this.sweep();
    this.#refuseWhileHalted();
    const door = this.#door(route);
    this.#attachedTo(route, runId).fault(arm, fault);
    return this.#viewRoute(door);
  }
  clearRequestFault(route: string, runId: string, arm: Arm): void {
    const run = this.#runs.get(runId);
    if (run?.route === route) run.fault(arm, null);
  }
  async putProxy(config: ProxyConfig): Promise<ProxyView> {
    this.sweep();
    this.#refuseWhileHalted();
    const known = this.#proxies.get(config.proxy);
    if (known && !known.isSame(config))
      throw new HaldaneError('conflict', `proxy ${config.proxy} is there already with another configuration: delete it first`);
    if (known) {
      known.lease.renew(config.until);
      return known.view();
    }
    const isCheck = (header: string | readonly string[] | undefined) => {
      if (header === this.#ownCheck) return true;
      const run = this.#runs.get(config.runId);
      const mark = run && !run.lease.isOver() ? verifySynthetic(run.secret, header) : null;
      return mark?.runId === config.runId && mark.stream === 'check';
    };
    const ledger = this.#ledger(config.runId);
    const proxy = new DependencyProxy(config, ledger, isCheck, this.#options.time);
    await proxy.open('127.0.0.1');
    // No run is ever attached where its arm's own machine is: what it calls is told from now on.
    if (proxy.stays) ledger.attach();
    this.#proxies.set(config.proxy, proxy);
    return proxy.view();
  }
  async deleteProxy(name: string): Promise<void> {
    const proxy = this.#proxies.get(name);
    this.#proxies.delete(name);
    await proxy?.close();
  }
  setFault(name: string, fault: DependencyFault): ProxyView {
    this.sweep();
    this.#refuseWhileHalted();
    const proxy = this.#proxies.get(name);
    if (!proxy) throw new HaldaneError('not-found', `there is no proxy ${name}; known: ${[...this.#proxies.keys()].join(', ') || 'none'}`);
    proxy.setFault(fault);
    return proxy.view();
  }
  /** Calls the dependency as the arm does that the proxy belongs to. */
  async check(name: string, path: string): Promise<DependencyProbe> {
    this.sweep();
    const view = this.#proxies.get(name)?.view();
    if (view === undefined) throw new HaldaneError('not-found', `there is no proxy ${name} to check`);
    return checkDependency(view, path, this.#ownCheck);
  }
  clearFault(name: string): void {
    this.#proxies.get(name)?.clearFault();
  }
  /** All effects of the run that still last end at `until` from now on. One that is over does not come back. */
  renew(runId: string, until: number): void {
    this.sweep();
    this.#runs.get(runId)?.lease.renew(until);
    for (const proxy of this.#proxies.values()) if (proxy.runId === runId) proxy.lease.renew(until);
    this.sweep();
  }
  /** Ends every run's effects here, users first, and takes none on until it is lifted, also after a restart. */
  halt(why: string): void {
    this.#halted = why;
    for (const run of [...this.#runs.values()]) this.#end(run);
    for (const proxy of this.#proxies.values()) proxy.clearFault();
    this.#options.haltChanged(why);
  }
  lift(): void {
    this.#halted = null;
    this.#options.haltChanged(null);
  }
  view(): RouterView {
    this.sweep();
    return {
      id: this.#options.id,
      startedAt: this.#startedAt,
      halted: this.#halted,
      routes: [...this.#doors.values()].map((door) => this.#viewRoute(door)),
      proxies: [...this.#proxies.values()].map((proxy) => proxy.view()),
    };
  }
  telemetry(runId: string, after: number): TelemetryAnswer {
    this.sweep();
    return { blocks: this.#known(runId).since(after), now: this.#options.time.now(), attached: this.#runs.has(runId) };
  }
  names(runId: string, after: number): RouterTelemetry {
    this.sweep();
    return { ...this.#known(runId).names(after), now: this.#options.time.now(), attached: this.#runs.has(runId) };
  }
  /** As `telemetry`, told as it happens. */
  news(runId: string, after: number): AsyncIterable<TelemetryNews> {
    this.sweep();
    return telemetryNews(this.#known(runId), after, this.#options.time, () => this.#runs.has(runId));
  }

  /** All that can be measured here, in the words of Prometheus. */
  measures(): string {
    const view = this.view();
    return exposition(
      familiesOf({
        now: this.#options.time.now(),
        view,
        doors: [...this.#doors.values()],
        runs: [...this.#ledgers].map(([runId, { budget, closedAt, stripped }]) => ({
          runId,
          budget,
          stripped,
          closedAt: this.#runs.has(runId) ? closedAt : null,
        })),
      }),
    );
  }

  /** Ends what is past its lease and closes seconds that are due. Harmless at any time. */
  sweep(): void {
    for (const door of this.#doors.values()) door.sweep();
    for (const run of [...this.#runs.values()]) if (run.lease.isOver()) this.#lapse(run);
    for (const { route, isAbandoned } of [...this.#doors.values()]) {
      if (!isAbandoned) continue;
      this.deleteRoute(route);
      this.#options.warn(`route ${route} is closed: no run was attached to it for minutes`);
    }
    for (const [name, proxy] of [...this.#proxies]) {
      if (!proxy.lease.isOver()) continue;
      if (proxy.stays) proxy.clearFault();
      else void this.deleteProxy(name);
    }
    for (const [runId, ledger] of this.#ledgers) {
      ledger.close();
      const used = this.#runs.has(runId) || [...this.#proxies.values()].some((proxy) => proxy.runId === runId);
      if (!used && ledger.isForgotten()) this.#ledgers.delete(runId);
    }
  }
  /** Takes nothing new, lets what is in flight finish for at most `withinMs`, then ends everything. */
  async close(withinMs: number): Promise<void> {
    await Promise.all([...this.#doors.values()].map((door) => door.close(withinMs)));
    for (const run of [...this.#runs.values()]) this.#end(run);
    await Promise.all([...this.#proxies.keys()].map((name) => this.deleteProxy(name)));
  }

  /** The dead man's switch. */
  #lapse(run: AttachedRun): void {
    const now = this.#options.time.now();
    this.#end(run);
    this.#lapses = [...this.#lapses.filter(({ at }) => now - at < lapseToldMs), { runId: run.runId, route: run.route, at: now }];
    this.#options.warn(`run ${run.runId} was not renewed in time: all users of route ${run.route} are production's again`);
  }
  #refuseWhileHalted(): void {
    if (this.#halted !== null) throw new HaldaneError('conflict', `this router is halted (${this.#halted}): lift that first`);
  }
  #end(run: AttachedRun): void {
    this.#runs.delete(run.runId);
    const runs = this.#doors.get(run.route)?.runs;
    const at = runs?.indexOf(run) ?? -1;
    if (at >= 0) runs?.splice(at, 1);
    run.end();
  }
  #door(route: string): RouteDoor {
    const door = this.#doors.get(route);
    if (!door) throw new HaldaneError('not-found', `there is no route ${route}; known: ${[...this.#doors.keys()].join(', ') || 'none'}`);
    return door;
  }
  #attached(runId: string): AttachedRun {
    const run = this.#runs.get(runId);
    if (!run) throw new HaldaneError('not-found', `run ${runId} is not attached here: attach it first`);
    return run;
  }
  #attachedTo(route: string, runId: string): AttachedRun {
    const run = this.#runs.get(runId);
    if (run?.route !== route) throw new HaldaneError('not-found', `run ${runId} is not attached to route ${route}: attach it there first`);
    return run;
  }
  #known(runId: string): RunLedger {
    const ledger = this.#ledgers.get(runId);
    if (!ledger) throw new HaldaneError('not-found', `this router knows no run ${runId}`);
    return ledger;
  }
  #ledger(runId: string): RunLedger {
    const ledger = this.#ledgers.get(runId) ?? new RunLedger(this.#options.time, this.#options.lost.has(runId));
    this.#ledgers.set(runId, ledger);
    return ledger;
  }
  #routes(): readonly RouteConfig[] {
    return [...this.#doors.values()].map((door) => door.config);
  }
  #viewRoute(door: RouteDoor): RouteView {
    const addresses = (run: AttachedRun, arm: 'control' | 'experiment') => run.arms[arm].instances.map((instance) => instance.address);
    return {
      route: door.route,
      port: door.port,
      ports: [door.port],
      requestsPerSecond: door.rate.perSecond(),
      tls: door.tls,
      production: door.production.instances.map((instance) => ({ address: instance.address, healthy: instance.healthy })),
      attached: door.runs.map((run) => ({
        runId: run.runId,
        until: run.lease.until,
        arms: { control: addresses(run, 'control'), experiment: addresses(run, 'experiment') },
        faults: run.faults,
      })),
      inFlight: door.inFlight.list(),
      slices: door.runs.flatMap((run) =>
        run.slices.map((slice) => ({ ...slice, spent: run.ledger.budget.spent, hurt: run.ledger.budget.hurt })),
      ),
      lapsed: this.#lapses.filter(({ route }) => route === door.route).map(({ runId, at }) => ({ runId, at })),
    };
  }
}

import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { type Arm, type Clock, HaldaneError, messageOf } from '@haldane/core';
import type { Dataplane, RouteView } from '@haldane/dataplane';
import { type RouterSlice, routerSlice } from '../router-slice.ts';
import type { AwsCalls } from './aws-calls.ts';
import { findRoute } from './find-route.ts';
import { forwardOf } from './forward.ts';
import { targetGroupName } from './names.ts';
import { ownTargetGroup } from './own.ts';
import type { SideDoor } from './side-door.ts';

export type Routers = Pick<
  Dataplane,
  'putRoute' | 'deleteRoute' | 'attach' | 'detach' | 'putSlice' | 'deleteSlice' | 'cutSlice' | 'renew' | 'view'
>;
export type SideDoorOptions = {
  readonly dataplane: Routers;
  /** By the route's name. */
  readonly doors: Readonly<Record<string, SideDoor>>;
};

/** Balancers have addresses in the network of their targets; from outside nobody reaches a router's port (see docs/aws.md). */
const balancers = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];
/** AWS counts calls; production's instances change seldom, and a router passes over one that refuses. */
const knownForMs = 10_000;
/** So long another Haldane has to take a run over before the doors begin to close. */
const unattended = { afterMs: 180_000, checkedBy: 'ELB-HealthChecker/' };
/** An effect that is made before anybody renewed its run. */
const firstLeaseMs = 10_000;

/**
 * Haldane's own routers, to which a balancer sends a run's share of a route: they split it between the arms by the user's key, hold the
 * budget before each request, and send what is left to production's instances. When nobody renews the run, all of it goes there, and some
 * minutes later the balancer's checks are turned away: nobody would tell the routers of other instances.
 */
export class SideDoors {
  readonly slices: RouterSlice;
  readonly #dataplane: Routers;
  readonly #doors: SideDoorOptions['doors'];
  readonly #calls: AwsCalls;
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();
  /** When production's instances behind a route were looked for last. */
  readonly #lookedAt = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ dataplane, doors }: SideDoorOptions, calls: AwsCalls, clock: Clock) {
    this.#dataplane = dataplane;
    this.#doors = doors;
    this.#calls = calls;
    this.#clock = clock;
    this.slices = routerSlice({ dataplane, clock });
  }

  /** Null: the route has none, and the balancer's weights lead to the arms themselves. */
  of(route: string): SideDoor | null {
    return this.#doors[route] ?? null;
  }

  /** Every router serves the route to production, and knows the arms. `doorSecret`: the run's, from which its users' key is made. */
  async attach(route: string, door: SideDoor, runId: string, doorSecret: string, signal: AbortSignal): Promise<void> {
    const name = routerRoute(route);
    const production = await this.#behind(await this.#serving(route, door, signal), signal);
    const addresses = async (arm: Arm) => {
      const group = await ownTargetGroup(this.#calls, targetGroupName(runId, arm), runId, signal);
      return group === null ? [] : this.#behind([group.arn], signal);
    };
    const [control, experiment] = [await addresses('control'), await addresses('experiment')];
    for (const [what, found] of Object.entries({ production, control, experiment }))
      if (found.length === 0) throw new HaldaneError('unavailable', `no healthy instance of ${what} of ${route} is there to be served by`);
    const secret = createHash('sha256').update(`side door|${doorSecret}`).digest('hex');
    await this.#inTurn(signal, async () => {
      await this.#open(name, door, production, signal);
      const until = this.#until.get(runId) ?? this.#clock.now() + firstLeaseMs;
      await this.#dataplane.attach({ runId, route: name, arms: { control, experiment }, secret, until }, signal);
    });
  }

  /** The route closes with the last run that used it. */
  async detach(route: string, runId: string, signal: AbortSignal): Promise<void> {
    const name = routerRoute(route);
    await this.#inTurn(signal, async () => {
      await this.#dataplane.detach(name, runId, signal);
      const { routes } = await this.#dataplane.view(signal);
      if (routes.some((one) => one.route === name && one.attached.length === 0)) await this.#dataplane.deleteRoute(name, signal);
    });
  }

  /** And the route is not left open for nobody. */
  isDetached(route: string, runId: string, signal: AbortSignal): Promise<boolean> {
    const name = routerRoute(route);
    return this.#inTurn(signal, async () => {
      const { routes } = await this.#dataplane.view(signal);
      return routes.every((one) => !holds(one, runId) && (one.route !== name || one.attached.length > 0));
    });
  }

  /**
   * Renews what the run has at the routers, if anything, and tells them where production is now. While the routers do not answer, nothing is
   * known to be there: their leases end by themselves, and whoever counts there stops the run.
   */
  async renew(runId: string, until: number, signal: AbortSignal): Promise<void> {
    this.#until.set(runId, until);
    const name = await this.#attachedTo(runId, signal).catch(() => null);
    if (name === null) return;
    await this.#dataplane.renew(runId, until, signal);
    const [route, door] = Object.entries(this.#doors).find(([one]) => routerRoute(one) === name) ?? [];
    const now = this.#clock.now();
    if (route === undefined || door === undefined || now - (this.#lookedAt.get(route) ?? 0) < knownForMs) return;
    this.#lookedAt.set(route, now);
    // Where AWS cannot be asked, production is where it was; so it is when somebody divides it by weights, which routers could not follow.
    const serving = await this.#serving(route, door, signal).catch(() => []);
    const production = serving.length === 1 ? await this.#behind(serving, signal).catch(() => []) : [];
    if (production.length === 0) return;
    await this.#inTurn(signal, async () => {
      // While AWS was asked it may have been detached, and its route closed.
      if ((await this.#attachedTo(runId, signal)) === name) await this.#open(name, door, production, signal);
    });
  }

  /** In words, what of the run is at the routers. */
  async leftovers(runId: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      const { routes } = await this.#inTurn(signal, () => this.#dataplane.view(signal));
      const ours = new Set(Object.keys(this.#doors).map(routerRoute));
      return routes.flatMap((one) => {
        if (holds(one, runId)) return [`arms at Haldane's routers, on route ${one.route}`];
        return ours.has(one.route) && one.attached.length === 0
          ? [`route ${one.route} at Haldane's routers, open though no run is attached to it`]
          : [];
      });
    } catch (error) {
      return [`Haldane's routers did not say what they hold: ${messageOf(error)}`];
    }
  }

  async #attachedTo(runId: string, signal: AbortSignal): Promise<string | null> {
    const { routes } = await this.#dataplane.view(signal);
    return routes.find((one) => holds(one, runId))?.route ?? null;
  }

  async #open(name: string, { port }: SideDoor, production: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#dataplane.putRoute({ route: name, port, production, trustedProxies: balancers, unattended }, signal);
  }

  /** One after the other: between two calls of one piece of work nobody else opens or closes a route. AWS is asked outside: it may be slow. */
  #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** The target groups that the rule sends users to, besides arms and side doors. One of weight 0 stands by, and nobody is to come to it. */
  async #serving(route: string, { targetGroup }: SideDoor, signal: AbortSignal): Promise<readonly string[]> {
    const found = await findRoute(this.#calls, route, signal);
    const arns = (forwardOf(found?.rule.actions ?? [])?.groups ?? []).flatMap((one) => (one.weight > 0 ? [one.targetGroup] : []));
    const groups = await this.#calls.balancing.targetGroups(arns, signal);
    const ours = new Set(groups.filter(({ name }) => name === targetGroup).map(({ arn }) => arn));
    return arns.filter((arn) => !ours.has(arn));
  }

  async #behind(arns: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const targets = (await Promise.all(arns.map((arn) => this.#calls.balancing.health(arn, signal)))).flat();
    const healthy = targets.filter(({ state }) => state === 'healthy');
    const instances = healthy.map(({ id }) => id).filter((id) => isIP(id) === 0);
    const addresses = instances.length === 0 ? new Map<string, string>() : await this.#calls.templates.addresses(instances, signal);
    return healthy.flatMap(({ id, port }) => {
      const host = isIP(id) === 0 ? addresses.get(id) : id;
      return host ? [`http://${host}:${port}`] : [];
    });
  }
}

/** The route as routers call it: `payments-alb:443/10` has characters that no name of theirs has. */
export function routerRoute(route: string): string {
  return `aws.${route.replaceAll(/[:/]/g, '.')}`;
}

function holds({ attached, slices }: RouteView, runId: string): boolean {
  return [...attached, ...slices].some((one) => one.runId === runId);
}

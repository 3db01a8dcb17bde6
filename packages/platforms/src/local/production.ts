import { rmSync } from 'node:fs';
import { type Clock, HaldaneError, type LaunchRecipe, messageOf, type ServiceRef } from '@haldane/core';
import type { Dataplane, RouteView } from '@haldane/dataplane';
import { plainBasics } from './basics.ts';
import { type ClusterRecord, readClusterRecord, writeClusterRecord } from './cluster-record.ts';
import { describeCluster, stateOf } from './describe-cluster.ts';
import { endInstance } from './end-instance.ts';
import { productionEnvironment } from './instance-environment.ts';
import { foldersIn, instancesOf, type KeptInstance, readInstance } from './instances.ts';
import { keeperOrder } from './keeper-order.ts';
import { lastOutput } from './last-output.ts';
import { type Layout, layoutOf } from './layout.ts';
import { isProductionName, productionName } from './names.ts';
import { redact } from './redact.ts';
import { renewCluster } from './renew-run.ts';
import { startInstances } from './start-instances.ts';

export type LocalProductionOptions = {
  readonly dataDir: string;
  readonly dataplane: Dataplane;
  readonly clock: Clock;
  readonly basics?: Readonly<Record<string, string>>;
};

export type ProductionState = { readonly cluster: string; readonly route: RouteView };

const never = new AbortController().signal;

/**
 * Runs services' production clusters on this machine: what an experiment is compared with. They outlive Haldane (`until`
 * null), or end by themselves when nobody renews them (a stack that lives only as long as its command).
 */
export class LocalProduction {
  readonly #layout: Layout;
  readonly #dataplane: Dataplane;
  readonly #clock: Clock;
  readonly #basics: Readonly<Record<string, string>>;

  constructor(options: LocalProductionOptions) {
    this.#layout = layoutOf(options.dataDir);
    this.#dataplane = options.dataplane;
    this.#clock = options.clock;
    this.#basics = options.basics ?? plainBasics();
  }

  /**
   * Starts the service or updates it to this recipe, and opens its route; finds what runs already, and never shortens its
   * lease. New instances must be
   * healthy before the route moves to them and the old ones end. Throws `not-healthy` with the last lines of output
   * (without the recipe's own values) when they are not in time; the old ones then go on serving.
   */
  async deployProduction(recipe: LaunchRecipe, until: number | null = null, signal: AbortSignal = never): Promise<ProductionState> {
    const cluster = productionName(recipe);
    const kept = instancesOf(this.#layout, cluster)
      .filter((one) => this.#fits(recipe, cluster, one))
      .slice(0, recipe.instances);
    const names = [...kept.map((one) => one.name), ...this.#freeNames(cluster, recipe.instances - kept.length)];
    const fresh = names.slice(kept.length);
    try {
      const orders = names.map((instance) => this.#order(recipe, cluster, instance, until));
      await startInstances(orders, this.#clock, signal);
      await this.#untilHealthy(recipe, cluster, names, signal);
    } catch (error) {
      await this.#end(cluster, fresh, never);
      if (kept.length === 0 && readClusterRecord(this.#layout, cluster) === null)
        rmSync(this.#layout.cluster(cluster), { recursive: true, force: true });
      throw error;
    }
    renewCluster(this.#layout, cluster, until, true);
    const record: ClusterRecord = {
      name: cluster,
      role: 'production',
      runId: null,
      revision: recipe.revision,
      instances: names,
      recipe,
      source: null,
    };
    writeClusterRecord(this.#layout, record);
    const route = await this.#openRoute(record, signal);
    const old = instancesOf(this.#layout, cluster)
      .map((one) => one.name)
      .filter((name) => !names.includes(name));
    await this.#end(cluster, old, signal);
    return { cluster, route };
  }

  /** Closes the service's route and ends its instances; one that is not there is no error. */
  async undeploy(service: ServiceRef, signal: AbortSignal = never): Promise<void> {
    const cluster = productionName(service);
    const route = readClusterRecord(this.#layout, cluster)?.recipe?.route.name;
    if (route !== undefined) await this.#dataplane.deleteRoute(route, signal);
    await this.#end(
      cluster,
      instancesOf(this.#layout, cluster).map((one) => one.name),
      signal,
    );
    rmSync(this.#layout.cluster(cluster), { recursive: true, force: true });
  }

  /**
   * Production clusters of this data folder, also one that is just being deployed, last until `until` (epoch ms; null: until
   * told). Never shortens: an ephemeral stack that found production of a lasting one leaves it as it was.
   */
  renewProduction(until: number | null): void {
    for (const name of foldersIn(this.#layout.clusters)) if (isProductionName(name)) renewCluster(this.#layout, name, until, true);
  }

  /**
   * Tells the router where production is, for every service: after a router was started anew, or instances came back on
   * other ports. Returns the routes, and in words what could not be told.
   */
  async restoreRoutes(signal: AbortSignal = never): Promise<{ readonly routes: readonly RouteView[]; readonly failed: readonly string[] }> {
    const routes: RouteView[] = [];
    const failed: string[] = [];
    for (const record of this.deployed()) {
      try {
        routes.push(await this.#openRoute(record, signal));
      } catch (error) {
        failed.push(`${record.name}: ${messageOf(error)}`);
      }
    }
    return { routes, failed };
  }

  /** The production clusters of this data folder, whether they are well or not. */
  deployed(): readonly ClusterRecord[] {
    return foldersIn(this.#layout.clusters)
      .map((name) => readClusterRecord(this.#layout, name))
      .filter((record): record is ClusterRecord => record !== null && record.role === 'production');
  }

  #order(recipe: LaunchRecipe, cluster: string, instance: string, until: number | null) {
    const whose = { cluster, instance, role: 'production', runId: null } as const;
    return keeperOrder(this.#layout, recipe, whose, productionEnvironment(recipe, this.#basics, instance), until);
  }

  #fits(recipe: LaunchRecipe, cluster: string, one: KeptInstance): boolean {
    return one.isKept && one.record?.fingerprint === this.#order(recipe, cluster, one.name, null).fingerprint;
  }

  /** Names that no instance has, so that old and new can stand side by side. */
  #freeNames(cluster: string, count: number): readonly string[] {
    const taken = new Set(
      instancesOf(this.#layout, cluster)
        .filter((one) => one.isKept)
        .map((one) => one.name),
    );
    const free: string[] = [];
    for (let n = 1; free.length < count; n++) if (!taken.has(`production-${n}`)) free.push(`production-${n}`);
    return free;
  }

  async #untilHealthy(recipe: LaunchRecipe, cluster: string, names: readonly string[], signal: AbortSignal): Promise<void> {
    const until = this.#clock.now() + recipe.health.withinMs;
    for (;;) {
      const there = names.map((name) => readInstance(name, this.#layout.instance(cluster, name)));
      const sick = there.find((one) => !stateOf(one).healthy);
      if (sick === undefined) return;
      if (this.#clock.now() >= until) throw notHealthy(recipe, sick);
      await this.#clock.sleep(50, signal);
    }
  }

  async #openRoute({ name, recipe }: ClusterRecord, signal: AbortSignal): Promise<RouteView> {
    const production = (describeCluster(this.#layout, name)?.instances ?? [])
      .filter((one) => recipe !== null && one.address !== '' && (one.healthy || one.restarts > 0))
      .map((one) => one.address);
    if (recipe === null || production.length === 0)
      throw new HaldaneError('not-healthy', `no instance of ${name} has an address yet: deploy the service again`);
    const { name: route, ...door } = recipe.route;
    return this.#dataplane.putRoute({ route, ...door, production }, signal);
  }

  async #end(cluster: string, names: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(names.map((name) => endInstance(readInstance(name, this.#layout.instance(cluster, name)), this.#clock, signal)));
  }
}

function notHealthy(recipe: LaunchRecipe, instance: KeptInstance): HaldaneError {
  const secrets = [...Object.values(recipe.env), ...recipe.dependencies.map((one) => one.url)];
  const said = redact(lastOutput(instance.folder, 15), secrets);
  const state = instance.record?.down ?? 'runs, but does not answer with 2xx or 3xx';
  return new HaldaneError(
    'not-healthy',
    `service ${recipe.service}: instance ${instance.name} was not healthy within ${recipe.health.withinMs} ms on GET ${recipe.health.path} ` +
      `(port in ${recipe.portEnv}); it ${redact(state, secrets)}. ${said === '' ? 'It printed nothing.' : `Its last output:\n${said}`}`,
  );
}

import type {
  AnyChangeKind,
  Arm,
  Capability,
  Change,
  Clock,
  ClusterProvider,
  ClusterState,
  FaultPlane,
  JsonObject,
  Platform,
  TrafficRouter,
} from '@haldane/core';
import { arms, HaldaneError } from '@haldane/core';
import { memoryKinds } from '../world/memory-kinds.ts';
import type { MemoryWorld } from '../world/memory-world.ts';
import { History } from './history.ts';

/** Told before each move of the platform; what it throws is what the outside answers. */
export type Hindrance = (act: 'apply' | 'revert', kind: string, params: JsonObject) => void;

/**
 * A platform over a memory world: everything it describes is params for the memory kinds, and whatever then stands in the world is noted
 * in its history. Tests make its clusters sick, hinder its moves, or reach into the world themselves.
 */
export class MemoryPlatform implements Platform {
  readonly id = 'memory';
  readonly settleMs = 0;
  readonly clusters: ClusterProvider;
  readonly traffic: TrafficRouter;
  readonly faults: FaultPlane;
  readonly changeKinds: readonly AnyChangeKind[];
  readonly history = new History();
  /** Names of clusters whose instances are not healthy. */
  readonly sick = new Set<string>();
  /** What is being done to production, in words. */
  rolling: readonly string[] = [];
  /** Whether routers of ours stand in its routes. */
  routed = true;
  can: readonly Capability[] = ['dependency-fault', 'synthetic-reach', 'slice-rules', 'larger-control'];
  hinder: Hindrance = () => {};
  readonly #world: MemoryWorld;
  readonly #clock: Clock;

  constructor(world: MemoryWorld, clock: Clock) {
    this.#world = world;
    this.#clock = clock;
    this.clusters = this.#clusters();
    this.traffic = this.#traffic();
    this.faults = this.#faults();
    this.changeKinds = memoryKinds(world).map((kind) => this.#watched(kind));
  }

  isRouted(): boolean {
    return this.routed;
  }

  async refusals(): Promise<readonly string[]> {
    return [];
  }

  async renew(runId: string, until: number): Promise<void> {
    this.#look();
    this.#world.renew(runId, until);
  }

  async leftovers(runId: string): Promise<readonly string[]> {
    this.#look();
    return this.#world.leftovers(runId);
  }

  #watched(kind: AnyChangeKind): AnyChangeKind {
    return {
      ...kind,
      apply: async (params, before, signal) => {
        this.hinder('apply', kind.kind, params);
        await kind.apply(params, before, signal);
        this.#look();
      },
      revert: async (params, before, signal) => {
        this.hinder('revert', kind.kind, params);
        await kind.revert(params, before, signal);
        this.#look();
      },
    };
  }

  /** Ends what was not renewed, as the keepers of a platform do, and notes what stands. */
  #look(): void {
    const { clusters, proxies, routes } = this.#world;
    this.#world.expire();
    const named = (what: string, things: ReadonlyMap<string, unknown>) => [...things.keys()].map((name) => `${what}:${name}`);
    const faults = [...proxies].filter(([, { fault }]) => fault !== null).map(([name]) => `fault:${name}`);
    const onRoutes = [...routes.values()].flatMap(({ attached, slices }) => [...named('attached', attached), ...named('slice', slices)]);
    this.history.record('world', [...named('cluster', clusters), ...named('proxy', proxies), ...faults, ...onRoutes], this.#clock.now());
  }

  #clusters(): ClusterProvider {
    return {
      describe: async (name): Promise<ClusterState | null> => {
        this.#look();
        const cluster = this.#world.clusters.get(name);
        if (cluster === undefined) return null;
        const healthy = !this.sick.has(name);
        const instances = cluster.instances.map((instance) => ({ name: instance, address: `memory://${instance}`, healthy, restarts: 0 }));
        return { name, revision: cluster.revision, instances };
      },
      rolling: async () => this.rolling,
      launch: ({ revision }, arm, wiring, runId, instances) => {
        const proxies = wiring.dependencies.map(({ proxy }) => proxy);
        const params = { name: `${runId}.${arm}`, owner: runId, revision, proxies, instances };
        return change(
          `cluster:${arm}`,
          'memory.cluster',
          params,
          wiring.changes.map(({ id }) => id),
        );
      },
    };
  }

  #traffic(): TrafficRouter {
    return {
      describe: async (route) => {
        this.#look();
        const found = this.#world.routes.get(route);
        if (found === undefined) return null;
        const slices = [...found.slices.values()].map(({ owner, share }) => ({ runId: owner, share }));
        return { route, address: `memory://${route}`, production: { healthy: 1, instances: 1 }, requestsPerSecond: null, slices };
      },
      attach: ({ route }, runId, standsOn) => change('attach', 'memory.attach', { name: runId, owner: runId, route }, standsOn),
      slice: ({ route }, runId, { name, share }) =>
        change(`slice:${name}`, 'memory.slice', { name: `${runId}.${name}`, owner: runId, route, share }, ['attach']),
      reach: async ({ route }, runId, arm) => {
        if (this.#world.routes.get(route)?.attached.has(runId) !== true)
          throw new HaldaneError('gone', `run "${runId}" is not attached to route "${route}"`);
        return { url: `memory://${runId}.${arm}`, headers: {} };
      },
    };
  }

  #faults(): FaultPlane {
    const platform = this;
    return {
      get can() {
        return platform.can;
      },
      wire: ({ dependencies }, arm, runId) => ({
        changes: dependencies.map(({ name }) =>
          change(`proxy:${arm}:${name}`, 'memory.proxy', { name: proxyOf(runId, arm, name), owner: runId }, []),
        ),
        dependencies: dependencies.map(({ name }) => ({ dependency: name, proxy: proxyOf(runId, arm, name) })),
      }),
      dependency: (runId, arm, dependency, fault) =>
        change(
          `fault:${arm}:${dependency}`,
          'memory.fault',
          { name: proxyOf(runId, arm, dependency), value: fault },
          arms.map((one) => `cluster:${one}`),
        ),
      request: () => {
        throw new HaldaneError('refused', 'the memory platform carries no requests that could meet a fault');
      },
      host: () => {
        throw new HaldaneError('refused', 'the memory platform has no hosts to restart');
      },
      probe: async (runId, arm, dependency) => {
        const fault = this.#world.proxies.get(proxyOf(runId, arm, dependency))?.fault ?? null;
        return { faulted: fault !== null, seen: fault === null ? '200' : JSON.stringify(fault) };
      },
    };
  }
}

function proxyOf(runId: string, arm: Arm, dependency: string): string {
  return `${runId}.${arm}.${dependency}`;
}

function change(id: string, kind: string, params: JsonObject, standsOn: readonly string[]): Change {
  return { id, kind, params, standsOn, does: `makes ${id}`, undo: `takes ${id} away` };
}

import type { Clock, Json } from '@haldane/core';

/** Something of ours that ends by itself at `until` (epoch ms) unless it is renewed; null: it has no lease. */
export type Owned = { readonly owner: string; until: number | null };
export type MemoryCluster = Owned & { readonly revision: string; readonly proxies: readonly string[]; readonly instances: string[] };
export type MemoryProxy = Owned & { fault: Json };
export type MemoryRoute = {
  /** Owners that have their arms attached. */
  readonly attached: Map<string, Owned>;
  readonly slices: Map<string, Owned & { readonly share: number }>;
  /** Fields that were there before us, and that anybody may set. */
  readonly fields: Map<string, Json>;
};

/** A small cloud: clusters, proxies and routes with owners and leases. Other parties may change anything, at any time. */
export class MemoryWorld {
  readonly clusters: Map<string, MemoryCluster>;
  readonly proxies: Map<string, MemoryProxy>;
  readonly routes: Map<string, MemoryRoute>;
  readonly #clock: Clock;
  readonly #leaseMs: number | null;

  /** `leaseMs`: how long what is made lasts at first; null for the worst case, effects that stay for ever. */
  constructor(clock: Clock, leaseMs: number | null = null, from?: MemoryWorld) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.clusters = structuredClone(from?.clusters ?? new Map());
    this.proxies = structuredClone(from?.proxies ?? new Map());
    this.routes = structuredClone(from?.routes ?? new Map());
  }

  /** The same world once more, on another clock: what happens to the one does not happen to the other. */
  copy(clock: Clock): MemoryWorld {
    return new MemoryWorld(clock, this.#leaseMs, this);
  }

  /** The end of a lease that begins now. */
  firstLease(): number | null {
    return this.#leaseMs === null ? null : this.#clock.now() + this.#leaseMs;
  }

  addRoute(name: string, fields: Readonly<Record<string, Json>> = {}): MemoryRoute {
    const route: MemoryRoute = { attached: new Map(), slices: new Map(), fields: new Map(Object.entries(fields)) };
    this.routes.set(name, route);
    return route;
  }

  /** Renews what this owner has, to `until` and never beyond. */
  renew(owner: string, until: number): void {
    for (const owned of this.#leased()) if (owned.owner === owner && owned.until !== null) owned.until = until;
  }

  /** What a platform's own keepers do: whatever was not renewed in time ends, with nobody of ours at work. */
  expire(): void {
    const now = this.#clock.now();
    const over = (owned: Owned) => owned.until !== null && owned.until <= now;
    const drop = (owned: Map<string, Owned>) => {
      for (const [name, each] of owned) if (over(each)) owned.delete(name);
    };
    for (const route of this.routes.values()) {
      drop(route.slices);
      drop(route.attached);
    }
    drop(this.clusters);
    drop(this.proxies);
  }

  /** What this owner still has here, in words. */
  leftovers(owner: string): readonly string[] {
    const names = (kind: string, owned: Map<string, Owned>) =>
      [...owned].filter(([, each]) => each.owner === owner).map(([name]) => `${kind} ${name}`);
    const routes = [...this.routes.values()].flatMap((route) => [...names('slice', route.slices), ...names('attached', route.attached)]);
    return [...routes, ...names('cluster', this.clusters), ...names('proxy', this.proxies)].sort();
  }

  /** Everything that can be seen, to compare: two worlds are equal when their looks are. */
  look(): Json {
    const plain = (value: unknown): Json => {
      if (value instanceof Map)
        return Object.fromEntries(
          [...value].map(([name, each]) => [String(name), plain(each)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
        );
      if (Array.isArray(value)) return value.map(plain);
      if (value !== null && typeof value === 'object') {
        return Object.fromEntries(
          Object.entries(value)
            .filter(([name]) => name !== 'until')
            .map(([name, each]) => [name, plain(each)]),
        );
      }
      return value as Json;
    };
    return plain(
      new Map<string, unknown>([
        ['clusters', this.clusters],
        ['proxies', this.proxies],
        ['routes', this.routes],
      ]),
    );
  }

  *#leased(): Iterable<Owned> {
    yield* this.clusters.values();
    yield* this.proxies.values();
    for (const route of this.routes.values()) {
      yield* route.attached.values();
      yield* route.slices.values();
    }
  }
}

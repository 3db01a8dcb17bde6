import type { AttachedView, RouteConfig, RouteView, SliceConfig } from '@haldane/dataplane';
import type { Routers } from '../side-doors.ts';

type Held = { config: RouteConfig; readonly attached: Map<string, AttachedView>; readonly slices: Map<string, SliceConfig> };

/** Routers that remember what they were told; nobody comes to them, and no lease of theirs ends. */
export class MemoryRouters implements Routers {
  readonly #routes = new Map<string, Held>();

  async putRoute(config: RouteConfig) {
    const held = this.#routes.get(config.route) ?? { config, attached: new Map(), slices: new Map() };
    held.config = config;
    this.#routes.set(config.route, held);
    return this.#viewOf(held);
  }
  async deleteRoute(route: string) {
    this.#routes.delete(route);
  }
  async attach({ route, runId, until, arms }: Parameters<Routers['attach']>[0]) {
    const held = this.#held(route);
    held.attached.set(runId, { runId, until, arms, faults: [] });
    return this.#viewOf(held);
  }
  async detach(route: string, runId: string) {
    const held = this.#routes.get(route);
    held?.attached.delete(runId);
    for (const [key, slice] of held?.slices ?? []) if (slice.runId === runId) held?.slices.delete(key);
  }
  async putSlice(route: string, slice: SliceConfig) {
    const held = this.#held(route);
    if (!held.attached.has(slice.runId)) throw new Error(`run ${slice.runId} is not attached to ${route}`);
    held.slices.set(`${slice.runId} ${slice.name}`, slice);
    return this.#viewOf(held);
  }
  async deleteSlice(route: string, runId: string, name: string) {
    this.#routes.get(route)?.slices.delete(`${runId} ${name}`);
  }
  cutSlice(route: string, runId: string, name: string) {
    return this.deleteSlice(route, runId, name);
  }
  async renew(runId: string, until: number) {
    for (const { attached } of this.#routes.values()) {
      const there = attached.get(runId);
      if (there !== undefined) attached.set(runId, { ...there, until });
    }
  }
  async view() {
    return { routes: [...this.#routes.values()].map((held) => this.#viewOf(held)), proxies: [] };
  }

  #held(route: string): Held {
    const held = this.#routes.get(route);
    if (held === undefined) throw new Error(`there is no route ${route}`);
    return held;
  }
  #viewOf({ config: { route, port, production }, attached, slices }: Held): RouteView {
    return {
      route,
      port,
      ports: [port],
      requestsPerSecond: null,
      production: production.map((address) => ({ address, healthy: true })),
      tls: null,
      attached: [...attached.values()],
      slices: [...slices.values()].map((slice) => ({ ...slice, spent: 0, hurt: 0 })),
      lapsed: [],
      inFlight: [],
    };
  }
}

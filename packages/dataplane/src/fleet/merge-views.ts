import type { DataplaneView, RouteView } from '../wire.ts';

/** Several routers as one: a route is theirs together, a proxy is where it is. */
export function mergeViews(views: readonly DataplaneView[]): DataplaneView {
  const byName = new Map<string, RouteView[]>();
  for (const route of views.flatMap((view) => view.routes)) byName.set(route.route, [...(byName.get(route.route) ?? []), route]);
  return { routes: [...byName.values()].map(mergeRoute), proxies: views.flatMap((view) => view.proxies) };
}

/** At least one view of the same route, the first router's first. What is at any of them is there; an instance is well when it is to all. */
export function mergeRoute(views: readonly RouteView[]): RouteView {
  const [first] = views;
  if (first === undefined) throw new RangeError('a route that no router has cannot be shown');
  const healthy = (address: string) => views.every((view) => view.production.every((one) => one.address !== address || one.healthy));
  const measured = views.flatMap((view) => (view.requestsPerSecond === null ? [] : [view.requestsPerSecond]));
  return {
    route: first.route,
    port: first.port,
    ports: views.flatMap((view) => view.ports),
    requestsPerSecond: measured.length === 0 ? null : measured.reduce((sum, one) => sum + one, 0),
    tls: mergeTls(views.flatMap((view) => (view.tls === null ? [] : [view.tls]))),
    production: first.production.map(({ address }) => ({ address, healthy: healthy(address) })),
    attached: unique(
      views.flatMap((view) => view.attached),
      (one) => one.runId,
      (a, b) => ({
        ...a,
        until: Math.max(a.until, b.until),
        faults: unique(
          [...a.faults, ...b.faults],
          (one) => JSON.stringify([one.arm, one.fault]),
          (one, other) => ({ ...one, met: one.met + other.met }),
        ),
      }),
    ),
    slices: unique(
      views.flatMap((view) => view.slices),
      (one) => `${one.runId}/${one.name}`,
      (a, b) => ({ ...a, spent: a.spent + b.spent, hurt: a.hurt + b.hurt }),
    ),
    inFlight: unique(
      views.flatMap((view) => view.inFlight),
      (one) => `${one.runId}/${one.slice}`,
      (a, b) => ({ ...a, requests: a.requests + b.requests }),
    ),
    lapsed: unique(
      views.flatMap((view) => view.lapsed),
      (one) => one.runId,
      (a, b) => ({ ...a, at: Math.min(a.at, b.at) }),
    ),
  };
}

/** The certificate that ends first, and the first problem that any of them has. */
function mergeTls(all: readonly NonNullable<RouteView['tls']>[]): RouteView['tls'] {
  if (all.length === 0) return null;
  return {
    validUntil: Math.min(...all.map(({ validUntil }) => validUntil)),
    problem: all.find(({ problem }) => problem !== null)?.problem ?? null,
  };
}

function unique<T>(all: readonly T[], nameOf: (one: T) => string, join: (a: T, b: T) => T): readonly T[] {
  const byName = new Map<string, T>();
  for (const one of all) {
    const other = byName.get(nameOf(one));
    byName.set(nameOf(one), other === undefined ? one : join(other, one));
  }
  return [...byName.values()];
}

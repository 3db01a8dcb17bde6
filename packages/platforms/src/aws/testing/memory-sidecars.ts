import type { Clock, DependencyFault } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import type { SidecarClient } from '../sidecars.ts';

/** The sidecars of whatever instances are asked for, in memory, each with proxies of the names in `carried`: a fault lasts as long as the lease that it was made in. */
export function memorySidecars(
  clock: Clock,
  carried: readonly string[] = [],
): {
  connect(url: string, token: string): SidecarClient;
  faults(): number;
  /** Nobody reaches them any more. */
  fallSilent(): void;
} {
  let silent = false;
  const all = new Map<string, { until: number; readonly faults: Map<string, DependencyFault> }>();
  const swept = (url: string) => {
    const one = all.get(url) ?? { until: 0, faults: new Map<string, DependencyFault>() };
    all.set(url, one);
    if (clock.now() >= one.until) one.faults.clear();
    return one;
  };
  const reached = (url: string) => {
    if (silent || !URL.canParse(url)) throw new HaldaneError('unavailable', `the router at ${url} did not answer`);
    return swept(url);
  };
  const viewOf = (proxy: string, fault: DependencyFault | null) =>
    ({ proxy, runId: 'r', arm: 'experiment', dependency: 'keys', as: 'http', until: 0, port: 1, fault, calls: 0, met: 0 }) as const;
  return {
    fallSilent: () => {
      silent = true;
    },
    faults: () => [...all.keys()].reduce((sum, url) => sum + swept(url).faults.size, 0),
    connect: (url) => ({
      renew: async (_runId, until) => {
        reached(url).until = until;
      },
      setFault: async (proxy, fault) => {
        reached(url).faults.set(proxy, fault);
        return viewOf(proxy, fault);
      },
      clearFault: async (proxy) => void reached(url).faults.delete(proxy),
      view: async () => ({
        id: url,
        startedAt: 0,
        halted: null,
        routes: [],
        proxies: [...new Set([...carried, ...reached(url).faults.keys()])].map((proxy) =>
          viewOf(proxy, reached(url).faults.get(proxy) ?? null),
        ),
      }),
      names: async () => {
        throw new HaldaneError('unavailable', 'nobody calls anything here');
      },
      check: async (proxy) => ({ faulted: reached(url).faults.has(proxy), seen: 'nothing was asked' }),
    }),
  };
}

import type { Arm, ChangeKind } from '@haldane/core';
import { originOf } from '../rewire-url.ts';
import { reachableAs } from './instance-environment.ts';
import type { LocalWorld } from './local-world.ts';
import { requireOwnProxy } from './names.ts';
import { dependencyOf, productionRecipe } from './production-recipe.ts';
import { makeProxyCertificate } from './proxy-certificate.ts';
import { trustedAuthorities } from './trusted-authorities.ts';

export type ProxyParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly dependency: string;
  readonly proxy: string;
  readonly source: string;
};

/** A proxy of one arm on one dependency. Where the dependency is, is looked up in production's recipe: it may hold a password. */
export function proxyKind(world: LocalWorld): ChangeKind<ProxyParams, null> {
  return {
    kind: 'local.proxy',
    capture: () => Promise.resolve(null),
    async apply(params, _before, signal) {
      requireOwnProxy(params);
      const { runId, arm, dependency, proxy, source } = params;
      const recipe = productionRecipe(world.layout, source);
      const declared = dependencyOf(recipe, dependency);
      const as = reachableAs(declared);
      const there = (await world.dataplane.view(signal)).proxies.find((one) => one.proxy === proxy);
      // A second certificate would have a second authority, which an arm that was launched with the first does not trust.
      if (as === 'https' && there?.as === 'https' && there.runId === runId)
        return world.dataplane.renew(runId, world.leaseFor(runId), signal);
      const tls = as === 'https' ? { tls: await makeProxyCertificate(proxy, world.clock.now()) } : {};
      // What the arm would have verified itself, the router verifies for it, by the same authorities.
      const trust = as === 'https' ? trustedAuthorities(recipe, declared) : null;
      await world.dataplane.putProxy(
        {
          proxy,
          runId,
          arm,
          dependency,
          as,
          target: originOf(declared.url, as),
          ...tls,
          ...(trust === null ? {} : { trust }),
          until: world.leaseFor(runId),
        },
        signal,
      );
    },
    async revert(params, _before, signal) {
      requireOwnProxy(params);
      await world.dataplane.deleteProxy(params.proxy, signal);
    },
    async isReverted(params, _before, signal) {
      requireOwnProxy(params);
      return (await world.dataplane.view(signal)).proxies.every((one) => one.proxy !== params.proxy);
    },
  };
}

import { existsSync, rmSync } from 'node:fs';
import type { Arm, ChangeKind } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import { writeClusterRecord } from './cluster-record.ts';
import { endInstance } from './end-instance.ts';
import { armEnvironment, type ProxyPoint } from './instance-environment.ts';
import { instancesOf } from './instances.ts';
import { keeperOrder } from './keeper-order.ts';
import type { LocalWorld } from './local-world.ts';
import { requireOwnCluster } from './names.ts';
import { productionRecipe } from './production-recipe.ts';
import { proxyAuthority } from './proxy-authority.ts';
import { startInstances } from './start-instances.ts';

export type ClusterParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly cluster: string;
  /** Production's cluster, whose recipe the arm is launched from. */
  readonly source: string;
  readonly revision: string;
  readonly instances: number;
  readonly proxies: readonly { readonly dependency: string; readonly proxy: string }[];
};

/** An arm's instances, named after run and arm so that an alert that names one tells both. Applied when each service's process was spawned; whether they are ready is asked of `describe`. */
export function clusterKind(world: LocalWorld): ChangeKind<ClusterParams, null> {
  const { layout, clock } = world;
  return {
    kind: 'local.cluster',
    capture: () => Promise.resolve(null),
    async apply(params, _before, signal) {
      requireOwnCluster(params);
      const recipe = productionRecipe(layout, params.source);
      if (recipe.revision !== params.revision)
        throw new HaldaneError(
          'conflict',
          `production ${params.source} runs revision ${recipe.revision} now, not ${params.revision} as planned: plan again`,
        );
      const points = await proxyPoints(world, params, signal);
      const names = Array.from({ length: params.instances }, (_, index) => `${params.runId}-${params.arm}-${index + 1}`);
      const { cluster, arm, runId, revision } = params;
      const orders = names.map((instance) => {
        const environment = armEnvironment(recipe, world.basics, points, { name: instance, folder: layout.instance(cluster, instance) });
        return keeperOrder(layout, recipe, { cluster, instance, role: arm, runId }, environment, world.leaseFor(runId));
      });
      await startInstances(orders, clock, signal);
      writeClusterRecord(layout, { name: cluster, role: arm, runId, revision, instances: names, recipe: null, source: params.source });
    },
    async revert(params, _before, signal) {
      requireOwnCluster(params);
      const { cluster } = params;
      await Promise.all(instancesOf(layout, cluster).map((instance) => endInstance(instance, clock, signal)));
      rmSync(layout.cluster(cluster), { recursive: true, force: true, maxRetries: 3 });
    },
    // A keeper removes an instance's folder only when its processes are gone, so no folder means no process.
    async isReverted(params) {
      requireOwnCluster(params);
      return !existsSync(layout.cluster(params.cluster));
    },
  };
}

async function proxyPoints(world: LocalWorld, params: ClusterParams, signal: AbortSignal): Promise<readonly ProxyPoint[]> {
  if (params.proxies.length === 0) return [];
  const { proxies } = await world.dataplane.view(signal);
  return Promise.all(
    params.proxies.map(async ({ dependency, proxy }) => {
      const found = proxies.find((one) => one.proxy === proxy);
      if (!found)
        throw new HaldaneError(
          'gone',
          `the proxy ${proxy} is not there, so cluster ${params.cluster} cannot be connected to ${dependency}`,
        );
      return { dependency, port: found.port, authority: found.as === 'https' ? await proxyAuthority(found.port, signal) : null };
    }),
  );
}

import type { ClusterProvider } from '@haldane/core';
import type { ClusterParams } from './cluster-kind.ts';
import { describeCluster } from './describe-cluster.ts';
import type { LocalWorld } from './local-world.ts';
import { armClusterName, clusterChangeId } from './names.ts';

export function localClusters({ layout }: LocalWorld): ClusterProvider {
  return {
    describe: (name) => Promise.resolve(describeCluster(layout, name)),
    launch(deployment, arm, wiring, runId, instances) {
      const cluster = armClusterName(runId, arm);
      const params: ClusterParams = {
        runId,
        arm,
        cluster,
        source: deployment.source,
        revision: deployment.revision,
        instances,
        proxies: wiring.dependencies,
      };
      const off = deployment.intake.map((one) => one.name);
      return {
        id: clusterChangeId(arm),
        kind: 'local.cluster',
        params,
        standsOn: wiring.changes.map((change) => change.id),
        does:
          `starts ${instances} ${instances === 1 ? 'process' : 'processes'} of ${deployment.service} ${deployment.revision} on this machine as ${cluster}` +
          `${wiring.dependencies.length > 0 ? `, connected to ${wiring.dependencies.map((one) => one.dependency).join(', ')} through its own proxies` : ''}` +
          `${off.length > 0 ? `, with ${off.join(', ')} turned off` : ''}`,
        undo: 'ends the processes and removes their folders; without Haldane, their keepers do it when the lease ends',
      };
    },
  };
}

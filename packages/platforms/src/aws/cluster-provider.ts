import type { ClusterProvider, InstanceState } from '@haldane/core';
import type { AwsCalls, Group } from './aws-calls.ts';
import type { ClusterParams } from './kinds/cluster-kind.ts';
import { armClusterName, clusterChangeId, targetGroupName } from './names.ts';
import { revisionOf } from './revision.ts';

export function awsClusters(calls: AwsCalls): ClusterProvider {
  return {
    async describe(name, signal) {
      const group = await calls.groups.group(name, signal);
      if (group === null) return null;
      const [live, instances] = await Promise.all([revisionOf(calls, group, signal), instancesOf(calls, group, signal)]);
      return { name, revision: live?.revision ?? 'unknown', instances };
    },
    launch({ source, revision, service }, arm, wiring, runId, instances) {
      const cluster = armClusterName(runId, arm);
      const params: ClusterParams = { runId, arm, cluster, source, revision, targetGroup: targetGroupName(runId, arm), instances };
      return {
        id: clusterChangeId(arm),
        kind: 'aws.cluster',
        params,
        standsOn: wiring.changes.map((change) => change.id),
        does:
          `launches ${instances} ${instances === 1 ? 'instance' : 'instances'} of ${service} from ${revision} as Auto Scaling group ${cluster}, ` +
          `in the subnets and with the tags of ${source}; zone rebalancing, alarms, schedules and refreshes suspended`,
        undo: 'deletes the group with its instances; without Haldane, haldane sweep --aws does it when the expiry in its tags has passed',
      };
    },
  };
}

/** An instance is healthy when it is in service and every target group of its group says so. */
async function instancesOf(calls: AwsCalls, group: Group, signal: AbortSignal): Promise<readonly InstanceState[]> {
  if (group.instances.length === 0) return [];
  const ids = group.instances.map((one) => one.id);
  const [addresses, ...health] = await Promise.all([
    calls.templates.addresses(ids, signal),
    ...group.targetGroups.map((arn) => calls.balancing.health(arn, signal)),
  ]);
  const isHealthy = (id: string) => health.every((targets) => targets.some((one) => one.id === id && one.state === 'healthy'));
  return group.instances.map(({ id, isInService }) => ({
    name: id,
    address: addresses.get(id) ?? '',
    healthy: isInService && isHealthy(id),
    restarts: 0,
  }));
}

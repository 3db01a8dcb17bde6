import { arms, type ClusterProvider, type InstanceState } from '@haldane/core';
import type { AwsCalls, Group } from './aws-calls.ts';
import type { CommitOf } from './commits.ts';
import type { ClusterParams } from './kinds/cluster-kind.ts';
import { armClusterName, clusterChangeId, targetGroupName, templateName } from './names.ts';
import { runOf } from './own.ts';
import { revisionOf } from './revision.ts';
import { rolling } from './rolling.ts';
import type { Sidecars } from './sidecars.ts';

export function awsClusters(calls: AwsCalls, sidecars: Sidecars | null, commitOf: CommitOf): ClusterProvider {
  const known = new Map<string, string>();
  return {
    async describe(name, signal) {
      const group = await calls.groups.group(name, signal);
      if (group === null) return null;
      const [live, instances, isWired] = await Promise.all([
        revisionOf(calls, group, signal),
        instancesOf(calls, group, known, signal),
        wiredIn(group, sidecars, signal),
      ]);
      const ready = instances.map((one) => ({ ...one, healthy: one.healthy && isWired(one.name) }));
      const commit = live === null || group.template === null ? null : await commitOf(group.template.id, live.version, signal);
      return { name, revision: live?.revision ?? 'unknown', ...(commit === null ? {} : { commit }), instances: ready };
    },
    rolling: (name, signal) => rolling(calls, name, signal),
    launch({ source, revision, service, route }, arm, wiring, runId, instances) {
      const cluster = armClusterName(runId, arm);
      const template = wiring.changes.find((change) => change.kind === 'aws.template')?.params['name'];
      const params: ClusterParams = {
        runId,
        arm,
        cluster,
        source,
        revision,
        targetGroup: targetGroupName(runId, arm),
        ...(typeof template === 'string' ? { template } : {}),
        route,
        instances,
      };
      return {
        id: clusterChangeId(arm),
        kind: 'aws.cluster',
        params,
        standsOn: wiring.changes.map((change) => change.id),
        does:
          `launches ${instances} ${instances === 1 ? 'instance' : 'instances'} of ${service} from ${params.template ?? revision} as Auto Scaling group ${cluster}, ` +
          `in the subnets and with the tags of ${source}; zone rebalancing, alarms, schedules and refreshes suspended`,
        undo: 'deletes the group with its instances; without Haldane, haldane sweep --aws does it when the expiry in its tags has passed',
      };
    },
  };
}

/** Whether an instance has the sidecar that its template starts beside it; true where none does. */
async function wiredIn(group: Group, sidecars: Sidecars | null, signal: AbortSignal): Promise<(id: string) => boolean> {
  const runId = runOf(group);
  const arm = arms.find((one) => runId !== null && group.template?.name === templateName(runId, one));
  if (sidecars === null || runId === null || arm === undefined) return () => true;
  const ids = group.instances.map((one) => one.id);
  const serving = await sidecars.serving(runId, arm, ids, signal);
  return (id) => serving.has(id);
}

/** Addresses are asked once (`known`): they do not change, and this is looked at every second. An instance is healthy when it is in service and every target group of its group says so. */
async function instancesOf(
  calls: AwsCalls,
  group: Group,
  known: Map<string, string>,
  signal: AbortSignal,
): Promise<readonly InstanceState[]> {
  if (group.instances.length === 0) return [];
  const ids = group.instances.map((one) => one.id).filter((id) => !known.has(id));
  const [addresses, ...health] = await Promise.all([
    ids.length === 0 ? new Map<string, string>() : calls.templates.addresses(ids, signal),
    ...group.targetGroups.map((arn) => calls.balancing.health(arn, signal)),
  ]);
  for (const [id, address] of addresses) known.set(id, address);
  const isHealthy = (id: string) => health.every((targets) => targets.some((one) => one.id === id && one.state === 'healthy'));
  return group.instances.map(({ id, isInService }) => ({
    name: id,
    address: known.get(id) ?? '',
    healthy: isInService && isHealthy(id),
    restarts: 0,
  }));
}

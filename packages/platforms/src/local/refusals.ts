import type { Change, Deployment } from '@haldane/core';
import { readClusterRecord } from './cluster-record.ts';
import { describeCluster } from './describe-cluster.ts';
import type { FaultParams } from './fault-kind.ts';
import { httpFaultObjection } from './http-fault-objection.ts';
import { canBeProxied, reachableAs } from './instance-environment.ts';
import type { LocalWorld } from './local-world.ts';

/**
 * Why a run with these changes cannot be made here: production must be deployed and healthy behind its route, be what the
 * pipeline says is live, and every planned fault must be possible on its dependency.
 */
export async function localRefusals(
  world: LocalWorld,
  deployment: Deployment,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { source, route, service, revision } = deployment;
  const refusals: string[] = [];
  const cluster = describeCluster(world.layout, source);
  if (cluster === null) refusals.push(`service ${service} does not run on this machine (no cluster ${source}): start it with haldane up`);
  else {
    const sick = cluster.instances.filter((one) => !one.healthy).map((one) => one.name);
    if (sick.length > 0)
      refusals.push(`production of ${service} is not healthy (${sick.join(', ')}): an experiment needs a healthy service to compare with`);
    if (cluster.revision !== revision)
      refusals.push(
        `production of ${service} runs revision ${cluster.revision}, but the pipeline says that ${revision} is live: deploy it first`,
      );
  }
  const view = (await world.dataplane.view(signal)).routes.find((one) => one.route === route);
  if (!view) refusals.push(`the router knows no route ${route}: start the service with haldane up, which opens it`);
  const others = new Set((view?.attached ?? []).map((one) => one.runId));
  for (const runId of others)
    if (changes.every((change) => change.params.runId !== runId))
      refusals.push(`run ${runId} still has its arms on route ${route}: wait until it is restored`);
  return [...refusals, ...faultRefusals(world, deployment, changes)];
}

function faultRefusals(world: LocalWorld, deployment: Deployment, changes: readonly Change[]): readonly string[] {
  const recipe = readClusterRecord(world.layout, deployment.source)?.recipe ?? null;
  return changes.flatMap((change) => {
    if (change.kind !== 'local.fault') return [];
    const { dependency, fault } = change.params as FaultParams;
    const declared = deployment.dependencies.find((one) => one.name === dependency);
    if (!declared)
      return [
        `service ${deployment.service} declares no dependency ${dependency}; known: ${deployment.dependencies.map((one) => one.name).join(', ') || 'none'}`,
      ];
    const objection = httpFaultObjection(dependency, reachableAs(declared), fault);
    if (objection !== null) return [objection];
    const target = recipe?.dependencies.find((one) => one.name === dependency);
    if (target && !canBeProxied(target))
      return [
        `dependency ${dependency} is https on another host and takes no certificates from us: through a proxy its certificate would not fit its name, so it is not proxied and no fault can reach it. ` +
          'Declare ca: the variable that takes a file of trusted certificates',
      ];
    return [];
  });
}

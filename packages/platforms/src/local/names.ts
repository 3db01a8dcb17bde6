import { type Arm, HaldaneError, type ServiceRef } from '@haldane/core';

/** Names are made from service, run and arm, never from ports or process ids: whoever knows the run finds everything of it. */
export const productionName = (ref: ServiceRef): string => `${ref.service}.${ref.environment}.production`;
export const isProductionName = (cluster: string): boolean => cluster.endsWith('.production');
export const armClusterName = (runId: string, arm: Arm): string => `${runId}.${arm}`;
export const proxyName = (runId: string, arm: Arm, dependency: string): string => `${runId}.${arm}.${dependency}`;
export const clusterChangeId = (arm: Arm): string => `cluster:${arm}`;
export const proxyChangeId = (arm: Arm, dependency: string): string => `proxy:${arm}:${dependency}`;
export const attachChangeId = 'attach';

type Named = { readonly runId: string; readonly arm: Arm };

/** A change that names a thing which is not its own arm's is refused: whoever wrote the journal may not end production by it. */
export function requireOwnCluster({ runId, arm, cluster }: Named & { readonly cluster: string }): void {
  requireOwn(`cluster ${cluster}`, cluster === armClusterName(runId, arm), runId, arm);
}
export function requireOwnProxy({ runId, arm, dependency, proxy }: Named & { readonly dependency: string; readonly proxy: string }): void {
  requireOwn(`proxy ${proxy}`, proxy === proxyName(runId, arm, dependency), runId, arm);
}

function requireOwn(what: string, isOwn: boolean, runId: string, arm: Arm): void {
  if (!isOwn) throw new HaldaneError('denied', `${what} is not the ${arm} arm's of run ${runId}: it was left alone`);
}

import type { Arm, ServiceRef } from '@haldane/core';

/** Names are made from service, run and arm, never from ports or process ids: whoever knows the run finds everything of it. */
export const productionName = (ref: ServiceRef): string => `${ref.service}.${ref.environment}.production`;
export const isProductionName = (cluster: string): boolean => cluster.endsWith('.production');
export const armClusterName = (runId: string, arm: Arm): string => `${runId}.${arm}`;
export const proxyName = (runId: string, arm: Arm, dependency: string): string => `${runId}.${arm}.${dependency}`;
export const clusterChangeId = (arm: Arm): string => `cluster:${arm}`;
export const proxyChangeId = (arm: Arm, dependency: string): string => `proxy:${arm}:${dependency}`;
export const attachChangeId = 'attach';

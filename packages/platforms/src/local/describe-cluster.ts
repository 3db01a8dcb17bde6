import type { ClusterState, InstanceState } from '@haldane/core';
import { readClusterRecord } from './cluster-record.ts';
import { instancesOf, type KeptInstance } from './instances.ts';
import type { Layout } from './layout.ts';

/**
 * A cluster as it is now, or null when nothing of it is there. An instance counts as healthy only while somebody keeps
 * its lease; one that should be there and is not is listed without an address.
 */
export function describeCluster(layout: Layout, name: string): ClusterState | null {
  const record = readClusterRecord(layout, name);
  const there = instancesOf(layout, name);
  if (record === null && there.length === 0) return null;
  const missing = (record?.instances ?? []).filter((instance) => there.every((one) => one.name !== instance));
  const revision = record?.revision ?? there.find((one) => one.record !== null)?.record?.revision ?? 'unknown';
  return {
    name,
    revision,
    // Whoever deploys here names it.
    commit: revision,
    instances: [...there.map(stateOf), ...missing.map((instance) => ({ name: instance, address: '', healthy: false, restarts: 0 }))],
  };
}

export function stateOf({ name, record, isKept }: KeptInstance): InstanceState {
  if (record === null || record.port === 0) return { name, address: '', healthy: false, restarts: 0 };
  return {
    name,
    address: `http://127.0.0.1:${record.port}`,
    healthy: record.healthy && isKept && record.pid !== null,
    restarts: record.restarts,
  };
}

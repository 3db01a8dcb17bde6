import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@haldane/core';
import { instancesOf } from './instances.ts';
import { writeJsonFile } from './keeper/json-file.ts';
import { type InstanceLease, instanceFiles } from './keeper/order.ts';
import type { Layout } from './layout.ts';
import { runClusters } from './leftovers.ts';
import type { LocalWorld } from './local-world.ts';

/** Every effect of the run ends at `until` now. Instances are renewed even when the router does not answer, and the other way round. */
export async function renewRun({ layout, dataplane }: LocalWorld, runId: string, until: number, signal: AbortSignal): Promise<void> {
  const router = dataplane.renew(runId, until, signal);
  // Looked at below; until then it must not count as unhandled.
  router.catch(() => undefined);
  for (const cluster of runClusters(layout.clusters, runId)) renewCluster(layout, cluster, until);
  await router;
}

/**
 * Writes the new lease for each instance of a cluster; one that is just going away stays away. With `onlyLonger`, one
 * that has a later end already (or none) keeps it.
 */
export function renewCluster(layout: Layout, cluster: string, until: number | null, onlyLonger = false): void {
  for (const { folder, isKept, until: now } of instancesOf(layout, cluster)) {
    if (!isKept || (onlyLonger && (now === null || (until !== null && until <= now)))) continue;
    try {
      writeJsonFile(join(folder, instanceFiles.lease), { until } satisfies InstanceLease);
    } catch (error) {
      if (existsSync(folder)) throw error;
    }
  }
}

/**
 * Remembers what each run was last renewed to, so that an effect made between two renewals gets the same lease, and one made after
 * the last has ended none at all: it stays remembered, for whoever forgot it would lend the run more time.
 */
export class RunLeases {
  readonly #until = new Map<string, number>();
  readonly #clock: Clock;
  readonly #firstMs: number;

  constructor(clock: Clock, firstMs: number) {
    this.#clock = clock;
    this.#firstMs = firstMs;
  }
  renewed(runId: string, until: number): void {
    this.#until.set(runId, until);
  }
  for(runId: string): number {
    return this.#until.get(runId) ?? this.#clock.now() + this.#firstMs;
  }
}

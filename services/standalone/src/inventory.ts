import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@haldane/core';
import { localPlatform } from '@haldane/platforms';
import type { Config } from './config.ts';
import { liveDataplane } from './local-routers.ts';

/**
 * Everything that this data folder has in the world right now, a line each and sorted: clusters and their instances, routes, and whatever
 * a run has put beside them. Two equal inventories are two equal worlds. Needs no database and no running Haldane.
 */
export async function inventory(config: Pick<Config, 'dataDir'>): Promise<readonly string[]> {
  const { dataDir } = config;
  const dataplane = await liveDataplane(dataDir);
  if (dataplane === null) return ['no router'];
  const { clusters } = localPlatform({ dataDir, dataplane, clock: systemClock });
  const lines: string[] = [];
  for (const name of await readdir(join(dataDir, 'local', 'clusters')).catch(() => [])) {
    const state = await clusters.describe(name, AbortSignal.timeout(5_000));
    for (const instance of state?.instances ?? [])
      lines.push(`instance ${instance.name} of ${name} at ${instance.address}${instance.healthy ? '' : ', not healthy'}`);
  }
  const view = await dataplane.view();
  for (const route of view.routes) {
    for (const port of route.ports) lines.push(`route ${route.route} on port ${port}`);
    for (const one of route.attached) lines.push(`arms of run ${one.runId} on route ${route.route}`);
    for (const one of route.slices) lines.push(`slice ${one.name} of run ${one.runId} on route ${route.route}`);
  }
  for (const proxy of view.proxies) lines.push(`proxy ${proxy.proxy}${proxy.fault === null ? '' : ` with fault ${proxy.fault.mode}`}`);
  return lines.sort();
}

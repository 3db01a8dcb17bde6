import { existsSync } from 'node:fs';
import { foldersIn } from './instances.ts';
import type { LocalWorld } from './local-world.ts';

/** What of a run is still there, in words. Throws `unavailable` when the router cannot say: not known is not clean. */
export async function localLeftovers({ layout, dataplane }: LocalWorld, runId: string, signal: AbortSignal): Promise<readonly string[]> {
  const clusters = runClusters(layout.clusters, runId).map((name) => `cluster ${name} on this machine`);
  const secret = existsSync(layout.run(runId)) ? [`the key of run ${runId}`] : [];
  const view = await dataplane.view(signal);
  const onRoutes = view.routes.flatMap((route) => [
    ...route.attached.filter((one) => one.runId === runId).map(() => `the arms on route ${route.route}`),
    ...route.inFlight
      .filter((one) => one.runId === runId)
      .map((one) => `${one.requests} real ${one.requests === 1 ? 'request' : 'requests'} in the arms of route ${route.route}`),
    ...route.slices.filter((one) => one.runId === runId).map((one) => `slice ${one.name} on route ${route.route}`),
  ]);
  const proxies = view.proxies
    .filter((one) => one.runId === runId)
    .map((one) => `proxy ${one.proxy}${one.fault === null ? '' : ', with a fault on it'}`);
  return [...clusters, ...secret, ...onRoutes, ...proxies];
}

/** Names of the run's clusters that have anything on this machine. */
export function runClusters(folder: string, runId: string): readonly string[] {
  return foldersIn(folder).filter((name) => name.startsWith(`${runId}.`) && /\.(control|experiment)$/.test(name));
}

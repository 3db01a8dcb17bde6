import type { DependencyProbe } from '@haldane/core';
import { callThrough, checkHeader, type ProxyView } from '@haldane/dataplane';

/**
 * Calls a dependency through this router's own proxy, as the arm beside it does, with the mark of a check. Where the proxy cannot say in
 * words whether the call met its fault (a stream, a connection that it cuts or leaves hanging), what stands at the proxy counts.
 */
export async function checkDependency(proxy: ProxyView, path: string, mark: string): Promise<DependencyProbe> {
  const seen = await callThrough(proxy, { path, headers: { [checkHeader]: mark } });
  return { faulted: seen.faulted ?? (proxy.fault !== null && (proxy.as === 'tcp' || seen.broken)), seen: seen.words };
}

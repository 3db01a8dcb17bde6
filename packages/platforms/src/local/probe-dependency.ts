import { type Arm, type DependencyProbe, HaldaneError, messageOf } from '@haldane/core';
import { type Called, callThrough, checkHeader, type ProxyView, signSynthetic } from '@haldane/dataplane';
import { pathOf } from '../rewire-url.ts';
import { readClusterRecord } from './cluster-record.ts';
import type { LocalWorld } from './local-world.ts';
import { armClusterName, proxyName } from './names.ts';
import { proxyAuthority } from './proxy-authority.ts';
import { readRunSecret } from './run-secret.ts';

/**
 * Calls a dependency through an arm's proxy, as the arm does. Throws `gone` when there is no such proxy. Where the proxy
 * cannot answer in words (a stream, a connection that it cuts or leaves hanging) the router's record of the fault counts.
 */
export async function probeDependency(
  world: LocalWorld,
  runId: string,
  arm: Arm,
  dependency: string,
  signal: AbortSignal,
): Promise<DependencyProbe> {
  const name = proxyName(runId, arm, dependency);
  const proxy = (await world.dataplane.view(signal)).proxies.find((one) => one.proxy === name);
  if (!proxy) throw new HaldaneError('gone', `there is no proxy ${name} to probe`);
  const secret = readRunSecret(world.layout, runId);
  const headers = secret === null ? {} : { [checkHeader]: signSynthetic(secret, { runId, arm, stream: 'check' }) };
  const seen = await call(proxy, pathIn(world, runId, arm, dependency), headers, signal);
  return {
    faulted: seen.faulted ?? (proxy.fault !== null && (proxy.as === 'tcp' || seen.broken || secret === null)),
    seen: seen.words,
  };
}

/** An https proxy must tell its authority first; one that does not has answered nothing. */
async function call(proxy: ProxyView, path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Called> {
  const ca = proxy.as === 'https' ? await proxyAuthority(proxy.port, signal).catch(messageOf) : null;
  signal.throwIfAborted();
  if (ca !== null && !ca.startsWith('-----BEGIN')) return { faulted: null, broken: true, words: ca };
  return callThrough(proxy, { path, headers, ca, signal });
}

/** The path of the dependency's own address: what a client of it asks first. */
function pathIn(world: LocalWorld, runId: string, arm: Arm, dependency: string): string {
  const source = readClusterRecord(world.layout, armClusterName(runId, arm))?.source ?? null;
  const recipe = source === null ? null : (readClusterRecord(world.layout, source)?.recipe ?? null);
  const declared = recipe?.dependencies.find((one) => one.name === dependency);
  return declared === undefined ? '/' : pathOf(declared.url);
}

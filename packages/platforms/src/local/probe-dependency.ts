import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { type Arm, type DependencyProbe, HaldaneError, messageOf } from '@haldane/core';
import { checkHeader, faultHeader, type ProxyView, signSynthetic } from '@haldane/dataplane';
import { pathOf } from '../rewire-url.ts';
import { readClusterRecord } from './cluster-record.ts';
import type { LocalWorld } from './local-world.ts';
import { armClusterName, proxyName } from './names.ts';
import { proxyAuthority } from './proxy-authority.ts';
import { readRunSecret } from './run-secret.ts';

const answerWithinMs = 2000;
/** How long a stream must stay open to count as one. */
const openForMs = 250;

type Seen = { readonly saidFaulted: boolean | null; readonly broken: boolean; readonly words: string };

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
  const seen =
    proxy.as === 'tcp' ? await openStream(proxy.port, signal) : await get(proxy, pathIn(world, runId, arm, dependency), headers, signal);
  return {
    faulted: seen.saidFaulted ?? (proxy.fault !== null && (proxy.as === 'tcp' || seen.broken || secret === null)),
    seen: seen.words,
  };
}

async function get(proxy: ProxyView, path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Seen> {
  const ca = proxy.as === 'https' ? await proxyAuthority(proxy.port, signal).catch(messageOf) : null;
  signal.throwIfAborted();
  if (ca !== null && !ca.startsWith('-----BEGIN')) return { saidFaulted: null, broken: true, words: ca };
  const tls = ca === null ? null : { ca, servername: 'localhost' };
  const timeout = answerWithinMs + (proxy.fault?.delayMs ?? 0);
  const options = { host: '127.0.0.1', port: proxy.port, path, headers, agent: false, timeout, signal } as const;
  return new Promise((resolve, reject) => {
    const asked = tls === null ? httpRequest(options) : httpsRequest({ ...options, ...tls });
    const fail = (error: NodeJS.ErrnoException) =>
      signal.aborted
        ? reject(signal.reason as Error)
        : resolve({
            saidFaulted: null,
            broken: true,
            words: error.code === 'ETIMEDOUT' ? `no answer within ${timeout} ms` : `no answer: ${error.code ?? error.message}`,
          });
    asked.on('timeout', () => asked.destroy(Object.assign(new Error('too late'), { code: 'ETIMEDOUT' })));
    asked.on('error', fail);
    asked.on('response', (answer) => {
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      answer.on('error', fail);
      answer.on('end', () => {
        const said = answer.headers[faultHeader];
        resolve({ saidFaulted: said === undefined ? null : said === 'yes', broken: false, words: `${answer.statusCode}, ${length} bytes` });
      });
    });
    asked.end();
  });
}

function openStream(port: number, signal: AbortSignal): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, signal });
    const settle = (broken: boolean, words: string) => {
      socket.destroy();
      if (signal.aborted) reject(signal.reason as Error);
      else resolve({ saidFaulted: null, broken, words });
    };
    socket.setTimeout(openForMs, () => settle(false, 'connected, stays open'));
    socket.on('error', (error: NodeJS.ErrnoException) => settle(true, `connection broken: ${error.code ?? error.message}`));
    socket.on('close', () => settle(true, 'connection closed at once'));
    socket.on('data', (chunk) => settle(false, `connected, ${chunk.length} bytes`));
  });
}

/** The path of the dependency's own address: what a client of it asks first. */
function pathIn(world: LocalWorld, runId: string, arm: Arm, dependency: string): string {
  const source = readClusterRecord(world.layout, armClusterName(runId, arm))?.source ?? null;
  const recipe = source === null ? null : (readClusterRecord(world.layout, source)?.recipe ?? null);
  const declared = recipe?.dependencies.find((one) => one.name === dependency);
  return declared === undefined ? '/' : pathOf(declared.url);
}

import { request } from 'node:http';
import { connect } from 'node:net';
import type { DependencyProbe } from '@haldane/core';
import { checkHeader, faultHeader, type ProxyView } from '@haldane/dataplane';

const answerWithinMs = 2_000;
/** How long a stream must stay open to count as one. */
const openForMs = 250;

/**
 * Calls a dependency through this router's own proxy, as the arm beside it does, with the mark of a check. Where the proxy cannot say in
 * words whether the call met its fault (a stream, a connection that it cuts or leaves hanging), what stands at the proxy counts.
 */
export async function checkDependency(proxy: ProxyView, path: string, mark: string): Promise<DependencyProbe> {
  const seen = proxy.as === 'tcp' ? await openStream(proxy.port) : await get(proxy, path, mark);
  return { faulted: seen.faulted ?? (proxy.fault !== null && (proxy.as === 'tcp' || seen.broken)), seen: seen.words };
}

type Seen = { readonly faulted: boolean | null; readonly broken: boolean; readonly words: string };

function get({ port, fault }: ProxyView, path: string, mark: string): Promise<Seen> {
  const timeout = answerWithinMs + (fault?.delayMs ?? 0);
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { [checkHeader]: mark }, agent: false, timeout });
    const fail = (error: NodeJS.ErrnoException) =>
      resolve({ faulted: null, broken: true, words: `no answer: ${error.code ?? error.message}` });
    asked.on('timeout', () => asked.destroy(new Error(`none within ${timeout} ms`)));
    asked.on('error', fail);
    asked.on('response', (answer) => {
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      answer.on('error', fail);
      answer.on('end', () => {
        const said = answer.headers[faultHeader];
        resolve({ faulted: said === undefined ? null : said === 'yes', broken: false, words: `${answer.statusCode}, ${length} bytes` });
      });
    });
    asked.end();
  });
}

function openStream(port: number): Promise<Seen> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (broken: boolean, words: string) => {
      socket.destroy();
      resolve({ faulted: null, broken, words });
    };
    socket.setTimeout(openForMs, () => settle(false, 'connected, stays open'));
    socket.on('error', (error: NodeJS.ErrnoException) => settle(true, `connection broken: ${error.code ?? error.message}`));
    socket.on('close', () => settle(true, 'connection closed at once'));
    socket.on('data', (chunk) => settle(false, `connected, ${chunk.length} bytes`));
  });
}

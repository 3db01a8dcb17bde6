import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { faultHeader, type ProxyView } from './wire.ts';

const answerWithinMs = 2000;
/** How long a stream must stay open to count as one. */
const openForMs = 250;

/** What became of a call. `faulted`: what the proxy says of it; null where it cannot say so in words (a stream, a connection that it cuts). */
export type Called = { readonly faulted: boolean | null; readonly broken: boolean; readonly words: string };

export type CallOptions = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whom an https proxy is certified by (PEM); null for any other. */
  readonly ca?: string | null;
  /** An abort rejects with its reason. */
  readonly signal?: AbortSignal;
};

/** Calls a dependency through a proxy on this machine, as the arm does that the proxy belongs to. */
export function callThrough(proxy: ProxyView, options: CallOptions): Promise<Called> {
  return proxy.as === 'tcp' ? openStream(proxy.port, options.signal) : get(proxy, options);
}

function get({ port, fault }: ProxyView, { path, headers, ca = null, signal }: CallOptions): Promise<Called> {
  const timeout = answerWithinMs + (fault?.delayMs ?? 0);
  const options = { host: '127.0.0.1', port, path, headers, agent: false, timeout, ...(signal ? { signal } : {}) } as const;
  return new Promise((resolve, reject) => {
    const asked = ca === null ? httpRequest(options) : httpsRequest({ ...options, ca, servername: 'localhost' });
    const fail = (error: NodeJS.ErrnoException) =>
      signal?.aborted
        ? reject(signal.reason as Error)
        : resolve({
            faulted: null,
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
        resolve({ faulted: said === undefined ? null : said === 'yes', broken: false, words: `${answer.statusCode}, ${length} bytes` });
      });
    });
    asked.end();
  });
}

function openStream(port: number, signal: AbortSignal | undefined): Promise<Called> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ...(signal ? { signal } : {}) });
    const settle = (broken: boolean, words: string) => {
      socket.destroy();
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve({ faulted: null, broken, words });
    };
    socket.setTimeout(openForMs, () => settle(false, 'connected, stays open'));
    socket.on('error', (error: NodeJS.ErrnoException) => settle(true, `connection broken: ${error.code ?? error.message}`));
    socket.on('close', () => settle(true, 'connection closed at once'));
    socket.on('data', (chunk) => settle(false, `connected, ${chunk.length} bytes`));
  });
}

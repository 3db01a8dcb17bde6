import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import replyFrom from '@fastify/reply-from';
import fastify from 'fastify';
import { createProxyServer } from 'http-proxy-3';
import { type Dispatcher, Pool } from 'undici';

/** Other proxies in this language, each used as its own documentation shows: opens a port that forwards all to `target`, and says which. */
export const peers = {
  'bare undici': (target: string) => {
    const pool = new Pool(target, { connections: null, pipelining: 1 });
    return serve((request, response) => void pool.dispatch(asked(request), new Bare(response)));
  },
  '@fastify/reply-from': async (target: string) => {
    const app = fastify({ logger: false });
    await app.register(replyFrom, { base: target, undici: { connections: 256, pipelining: 1 } });
    app.all('/*', (_request, reply) => reply.from());
    await app.listen({ port: 0, host: '127.0.0.1' });
    return (app.server.address() as AddressInfo).port;
  },
  'http-proxy-3': (target: string) => {
    const proxy = createProxyServer({ target, agent: new Agent({ keepAlive: true }) });
    return serve((request, response) => proxy.web(request, response));
  },
} as const;

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer({ noDelay: true, keepAliveTimeout: 65_000, requestTimeout: 0 }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function asked(request: IncomingMessage): Dispatcher.DispatchOptions {
  const { method } = request;
  return {
    path: request.url ?? '/',
    method: method ?? 'GET',
    headers: request.rawHeaders,
    body: method === 'GET' || method === 'HEAD' ? null : request,
  };
}

/**
 * The least that Node can do: headers go through as they came, nothing is checked, counted, limited or given up. It would forward
 * what belongs to one connection and leave an upstream working for a client that is gone.
 */
class Bare implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  constructor(response: ServerResponse) {
    this.#response = response;
  }
  onConnect(): void {
    // undici asks for it; nothing is ever given up here
  }
  onHeaders(status: number, headers: Buffer[], resume: () => void, words: string): boolean {
    if (status < 200) return true;
    this.#response.on('drain', resume);
    this.#response.writeHead(
      status,
      words,
      headers.map((part) => part.toString('latin1')),
    );
    return true;
  }
  onData(chunk: Buffer): boolean {
    return this.#response.write(chunk);
  }
  onComplete(): void {
    this.#response.end();
  }
  onError(): void {
    this.#response.destroy();
  }
}

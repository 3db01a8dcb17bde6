import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Observer } from '../run/real-request.ts';
import type { Cluster, Upstream } from '../upstreams.ts';
import { answered, headerOf } from './headers.ts';

export type Forwarding = {
  readonly cluster: Cluster;
  readonly path: string;
  /** Flat: name, value, name, value. */
  readonly headers: readonly string[];
  /** Put on the answer beside the upstream's own, flat. */
  readonly addToAnswer: readonly string[];
  readonly observers: readonly Observer[];
  /** Whether another instance may be tried when the first one could not be reached: nothing was sent then. */
  readonly retry: boolean;
};

/**
 * Sends a request on and its answer back, both streaming, neither buffered. The client gets the upstream's answer, a 502
 * when there was none, or a reset when it broke off in the middle: a truncated answer never looks whole.
 */
export function forward(request: IncomingMessage, response: ServerResponse, forwarding: Forwarding): void {
  const upstream = forwarding.cluster.pick();
  if (upstream) new Exchange(request, response, forwarding).send(upstream, forwarding.retry);
  else noAnswer(response, forwarding, 503, 'no instance');
}

class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #forwarding: Forwarding;
  #controller: Dispatcher.DispatchController | null = null;
  #done = false;
  #wrote = false;

  constructor(request: IncomingMessage, response: ServerResponse, forwarding: Forwarding) {
    this.#request = request;
    this.#response = response;
    this.#forwarding = forwarding;
    response.on('finish', () => this.#end((observer) => observer.finished()));
    response.on('close', () => {
      if (this.#done) return;
      this.#end((observer) => observer.broken());
      this.#controller?.abort(new Error('the client left'));
    });
    response.on('drain', () => this.#controller?.resume());
  }

  send(upstream: Upstream, retry: boolean): void {
    let started = false;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (controller) => {
        started = true;
        this.#controller = controller;
        if (this.#done) controller.abort(new Error('the client left'));
      },
      onResponseStart: (controller, status, _headers, words) => {
        if (status >= 200) this.#begin(status, words, answered((controller.rawHeaders ?? []) as (Buffer | string)[]));
      },
      onResponseData: (controller, chunk) => {
        this.#wrote = true;
        if (!this.#response.write(chunk)) controller.pause();
      },
      onResponseEnd: () => {
        this.#response.end();
      },
      onResponseError: (_controller, error) => {
        if (!started && !this.#done) {
          if ((error as { code?: unknown }).code === 'UND_ERR_INVALID_ARG') return this.#refuse();
          upstream.refused();
          const other = retry ? this.#forwarding.cluster.pick(upstream) : null;
          if (other) return this.send(other, false);
        }
        this.#break();
      },
    };
    try {
      upstream.pool.dispatch(
        {
          path: this.#forwarding.path,
          method: this.#request.method ?? 'GET',
          headers: this.#forwarding.headers as string[],
          body: hasBody(this.#request) ? this.#request : null,
        },
        handler,
      );
    } catch {
      this.#refuse();
    }
  }

  #begin(status: number, words: string | undefined, headers: string[]): void {
    for (const observer of this.#forwarding.observers) observer.answered(status, headerOf(headers, 'location'));
    this.#response.writeHead(status, words ?? '', [...headers, ...this.#forwarding.addToAnswer]);
    // Headers go out with the first bytes if these came along; if not, a client waiting on a slow stream gets them now.
    process.nextTick(() => {
      if (!this.#wrote && !this.#response.writableEnded) this.#response.flushHeaders();
    });
  }
  #break(): void {
    if (this.#done) return;
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    this.#end((observer) => observer.broken());
    noAnswer(this.#response, { ...this.#forwarding, observers: [] }, 502, 'the service did not answer');
  }
  #refuse(): void {
    this.#end((observer) => observer.malformed());
    noAnswer(this.#response, { ...this.#forwarding, observers: [] }, 400, 'the request cannot be sent on');
  }
  #end(tell: (observer: Observer) => void): void {
    if (this.#done) return;
    this.#done = true;
    for (const observer of this.#forwarding.observers) tell(observer);
  }
}

/** An answer of the router's own. */
function noAnswer(response: ServerResponse, forwarding: Forwarding, status: number, words: string): void {
  for (const observer of forwarding.observers) observer.broken();
  if (response.destroyed) return;
  response.writeHead(status, ['content-type', 'text/plain; charset=utf-8', ...forwarding.addToAnswer]);
  response.end(`${words}\n`);
}

export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** The path to ask for, from whatever form the request line had; null when it has none. */
export function pathOf(request: IncomingMessage): string | null {
  const url = request.url ?? '';
  if (url.startsWith('/')) return url;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return null;
  const parsed = new URL(url);
  return parsed.pathname + parsed.search;
}

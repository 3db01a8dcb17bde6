import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MetFault } from '../fault/fault-switch.ts';
import { sendUnderFault } from '../fault/send-under-fault.ts';
import { Deadlines, type Late, type Wait } from '../run/deadlines.ts';
import type { Observer } from '../run/observer.ts';
import type { Cluster, Upstream } from '../upstreams.ts';
import type { AnswerReader } from './answer-reader.ts';
import { askFirst } from './ask-first.ts';
import { usualLimits } from './door-server.ts';
import { answered, headerOf, sayable } from './headers.ts';
import type { AnswerHead } from './leave-nothing.ts';
import { hasBody, isAsking } from './sound-request.ts';

/** Up to here, copying a body costs less than sending it as a piece of its own. */
const shortBody = 4096;
/** How long instances think: one queue for all exchanges, for the two timers that undici makes for each cost more than counting it does. */
const thinking = new Deadlines();

export type Forwarding = {
  readonly cluster: Cluster;
  readonly path: string;
  /** Flat: name, value, name, value. */
  readonly headers: readonly string[];
  /** Put on the answer beside the upstream's own, flat. */
  readonly addToAnswer: readonly string[];
  readonly observers: readonly Observer[];
  /** The request's body where it was read already; absent: it streams. */
  readonly body?: Buffer | null;
  /** The answer's head as it may leave; absent: as it came. */
  readonly soften?: ((head: AnswerHead) => AnswerHead) | undefined;
  /** Sees the answer's body go by. */
  readonly tap?: (chunk: Buffer) => void;
  /** The fault that it met on its way to the cluster; absent or null: none. */
  readonly fault?: MetFault | null;
  /** How long an instance may think, from the end of the request until its answer begins; absent: as long as usual, 0: without end. */
  readonly answerMs?: number | undefined;
  /** Whether another instance may be tried when the first one could not be reached: nothing was sent then. */
  readonly retry: boolean;
};

/**
 * Sends a request on and its answer back, both streaming, neither buffered. The client gets the upstream's answer, a 502
 * when there was none, or a reset when it broke off in the middle: a truncated answer never looks whole. Whoever calls this calls what it
 * gives back when the response is closed: one listener for all who want to know it, since each costs a request its share.
 */
export function forward(request: IncomingMessage, response: ServerResponse, forwarding: Forwarding): () => void {
  const upstream = forwarding.cluster.pick();
  if (!upstream) {
    noAnswer(response, forwarding, 503, 'no instance');
    return nothing;
  }
  const exchange = new Exchange(request, response, forwarding);
  exchange.send(upstream, forwarding.retry);
  return () => exchange.left();
}

/** One request on its way, and the reader of its answer: one object a request. Head and body of a short answer leave in one piece. */
class Exchange implements AnswerReader, Late {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #forwarding: Forwarding;
  #limit: Wait | null = null;
  #upstream: Upstream | null = null;
  #retry = false;
  #started = false;
  #done = false;
  #abort: ((reason: Error) => void) | null = null;
  #resume: (() => void) | null = null;
  /** The answer's head while it waits for its body to come along. */
  #head: { readonly status: number; readonly words: string; readonly headers: readonly string[] } | null = null;
  /** The whole of a short body, waiting with its head. */
  #body: string | null = null;

  constructor(request: IncomingMessage, response: ServerResponse, forwarding: Forwarding) {
    this.#request = request;
    this.#response = response;
    this.#forwarding = forwarding;
    const { answerMs = usualLimits.answerMs } = forwarding;
    const think = () => {
      if (!this.#done && this.#resume === null) this.#limit = thinking.wait(answerMs, this);
    };
    // An upload takes the time that it takes: the instance thinks from its end on.
    if (answerMs > 0 && forwarding.body === undefined && hasBody(request)) request.once('end', think);
    else if (answerMs > 0) think();
  }

  send(upstream: Upstream, retry: boolean): void {
    this.#upstream = upstream;
    this.#retry = retry;
    this.#started = false;
    const at = this.#forwarding.cluster.instances.indexOf(upstream);
    for (const observer of this.#forwarding.observers) observer.sentTo?.(at);
    try {
      const { fault } = this.#forwarding;
      if (fault) sendUnderFault(fault, { send: (reader) => this.#dispatch(upstream, reader), drain: () => this.#request.resume() }, this);
      else this.#dispatch(upstream, this);
    } catch {
      this.#refuse();
    }
  }

  /** The client has the answer, or is gone. */
  left(): void {
    if (this.#done) return;
    if (this.#response.writableFinished) {
      this.#end('finished');
      return;
    }
    this.#end('broken');
    this.#head = null;
    this.#abort?.(new Error('the client left'));
  }
  late(): void {
    this.#break();
    this.#abort?.(new Error('the instance took too long'));
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#started = true;
    this.#abort = abort;
    if (this.#done) abort(new Error('the client left'));
  }
  onHeaders(status: number, raw: readonly Buffer[], resume: () => void, words: string): boolean {
    if (status < 200) return true;
    this.#resume = resume;
    this.#limit?.leave();
    const headers = answered(raw);
    const location = status >= 300 && status < 400 ? headerOf(headers, 'location') : undefined;
    for (const observer of this.#forwarding.observers) observer.answered(status, location);
    const { soften } = this.#forwarding;
    this.#head = soften ? { words: sayable(words), ...soften({ status, headers }) } : { status, words: sayable(words), headers };
    flushSoon(this);
    return true;
  }
  onData(chunk: Buffer): boolean {
    this.#forwarding.tap?.(chunk);
    if (this.#head && this.#body === null && chunk.length <= shortBody && isWhole(chunk, this.#head.headers)) {
      this.#body = chunk.toString('latin1');
      return true;
    }
    this.#writeHead();
    if (this.#response.write(chunk)) return true;
    this.#response.once('drain', () => this.#resume?.());
    return false;
  }
  onComplete(): void {
    const body = this.#body;
    const response = this.#response;
    this.#writeHead();
    if (body !== null) {
      // Uncorked before its end, Node writes head and body as one string; `end(body)` would write a second, empty piece.
      response.cork();
      response.write(body, 'latin1');
      response.uncork();
    }
    response.end();
  }
  onError(error: Error): void {
    if (this.#started || this.#done) this.#break();
    else if ((error as { code?: unknown }).code === 'UND_ERR_INVALID_ARG') this.#refuse();
    else this.#unreached();
  }
  /** Headers go out with the first bytes if these came along; if not, a client waiting on a slow stream gets them now. */
  flush(): void {
    if (!this.#head) return;
    const body = this.#body;
    try {
      this.#writeHead();
      if (body === null) this.#response.flushHeaders();
      else this.#response.write(body, 'latin1');
    } catch (error) {
      // As what is thrown while undici reads ends its own exchange only, so here: those that are flushed with it go out.
      this.#abort?.(error as Error);
      this.#break();
    }
  }

  #dispatch(upstream: Upstream, reader: AnswerReader): void {
    const { path, headers, body: known } = this.#forwarding;
    const request = this.#request;
    const body = known !== undefined ? known : hasBody(request) ? request : null;
    if (body === request && isAsking(request))
      askFirst({ address: upstream.address, tls: upstream.tls, path, headers, request, goOn: () => this.#goOn() }, reader);
    else upstream.pool.dispatch({ path, method: request.method ?? 'GET', headers: headers as string[], body, headersTimeout: 0 }, reader);
  }
  #goOn(): void {
    if (!this.#done && !this.#response.headersSent) this.#response.writeContinue();
  }
  #writeHead(): void {
    const head = this.#head;
    if (!head) return;
    this.#head = null;
    this.#body = null;
    const { addToAnswer } = this.#forwarding;
    const headers = addToAnswer.length === 0 ? (head.headers as string[]) : head.headers.concat(addToAnswer);
    this.#response.writeHead(head.status, head.words, headers);
  }
  /** Nothing was sent: another instance may be asked. */
  #unreached(): void {
    this.#upstream?.refused();
    const other = this.#retry ? this.#forwarding.cluster.pick(this.#upstream) : null;
    if (other) this.send(other, false);
    else this.#break();
  }
  #break(): void {
    if (this.#done) return;
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    this.#head = null;
    this.#end('broken');
    noAnswer(this.#response, { ...this.#forwarding, observers: [] }, 502, 'the service did not answer');
  }
  #refuse(): void {
    this.#end('malformed');
    noAnswer(this.#response, { ...this.#forwarding, observers: [] }, 400, 'the request cannot be sent on');
  }
  #end(how: 'finished' | 'broken' | 'malformed'): void {
    if (this.#done) return;
    this.#done = true;
    this.#limit?.leave();
    for (const observer of this.#forwarding.observers) {
      // By name: a call by a word that is looked up costs many times as much.
      if (how === 'finished') observer.finished();
      else if (how === 'broken') observer.broken();
      else observer.malformed();
    }
  }
}

function nothing(): void {}

let waiting: Exchange[] = [];

/** Once all that came in this turn of the event loop was read: one task for all, for one each costs more than reading a head does. */
function flushSoon(exchange: Exchange): void {
  if (waiting.length === 0) setImmediate(flushAll);
  waiting.push(exchange);
}
function flushAll(): void {
  const all = waiting;
  waiting = [];
  for (const exchange of all) exchange.flush();
}

/** Whether this first piece of a body is all of it. */
function isWhole(chunk: Buffer, headers: readonly string[]): boolean {
  return headerOf(headers, 'content-length') === String(chunk.length);
}

/** An answer of the router's own. */
function noAnswer(response: ServerResponse, forwarding: Forwarding, status: number, words: string): void {
  for (const observer of forwarding.observers) observer.broken();
  if (response.destroyed) return;
  if (status === 400) response.shouldKeepAlive = false;
  response.writeHead(status, ['content-type', 'text/plain; charset=utf-8', ...forwarding.addToAnswer]);
  response.end(`${words}\n`);
}

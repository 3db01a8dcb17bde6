import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AnswerClass, classOfStatus } from '@haldane/core';
import type { MetFault } from '../fault/fault-switch.ts';
import { sendUnderFault } from '../fault/send-under-fault.ts';
import type { Observer } from '../run/observer.ts';
import type { RealRequest } from '../run/real-request.ts';
import type { Cluster, Upstream } from '../upstreams.ts';
import type { AnswerReader } from './answer-reader.ts';
import { answered, headerOf, sayable } from './headers.ts';
import type { AnswerHead } from './leave-nothing.ts';
import { hasBody, isAsking } from './sound-request.ts';

/** An answer that says that it is no longer than this is held whole. */
const heldBytes = 64 * 1024;

export type Shielding = {
  readonly arm: Cluster;
  readonly path: string;
  /** What the arm is sent, flat. */
  readonly headers: readonly string[];
  readonly addToAnswer: readonly string[];
  /** The answer's head as it may leave; absent: as it came. */
  readonly soften?: ((head: AnswerHead) => AnswerHead) | undefined;
  readonly request: RealRequest;
  /** The fault that it met on its way to the arm; null: none. */
  readonly fault: MetFault | null;
  /** How long the arm has until its answer is known to be good; what is left of the limit after that is production's. */
  readonly withinMs: number;
  /** Has production answer the same request with the same body (null: none), and tells the observer what the user gets. */
  readonly instead: (user: Observer, body: Buffer | null) => void;
};

/**
 * Lets an arm answer, but shows the client nothing until the answer is known to be good: its status is no failure, and it is there as a
 * whole if it said that it is short, else with its first byte. Whatever fails before that, production answers in its place. What breaks
 * after it, the user sees.
 */
export class ShieldedExchange implements AnswerReader {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #shielding: Shielding;
  readonly #held: Buffer[] = [];
  readonly #body: Buffer[] = [];
  readonly #hasBody: boolean;
  #bodyIsWhole: boolean;
  #onceWhole: () => void = () => undefined;
  readonly #limit: NodeJS.Timeout;
  #heldBytes = 0;
  #head: {
    readonly status: number;
    readonly headers: readonly string[];
    readonly words: string | undefined;
    readonly whole: boolean;
  } | null = null;
  #upstream: Upstream | null = null;
  #started = false;
  #abort: ((reason: Error) => void) | null = null;
  #resume: (() => void) | null = null;
  /** `asking`: nothing left yet. `passed`: the arm's answer is on its way. `over`: it is none of the arm's business any more. */
  #state: 'asking' | 'passed' | 'over' = 'asking';

  constructor(request: IncomingMessage, response: ServerResponse, shielding: Shielding) {
    this.#request = request;
    this.#response = response;
    this.#shielding = shielding;
    this.#limit = setTimeout(() => this.giveUp(), shielding.withinMs);
    this.#hasBody = hasBody(request);
    this.#bodyIsWhole = !this.#hasBody;
    response.on('finish', () => this.#end((observer) => observer.finished()));
    response.on('close', () => this.#end((observer) => observer.broken()));
    response.on('drain', () => {
      if (this.#state === 'passed') this.#resume?.();
    });
  }

  /** Reads the body, which is known to be short, so that production can be sent the same; then asks the arm. */
  start(): void {
    if (!this.#hasBody) {
      this.#send();
      return;
    }
    this.#onceWhole = () => this.#send();
    // Short as it is, we take it whoever will answer.
    if (isAsking(this.#request)) this.#response.writeContinue();
    this.#request.on('data', (chunk: Buffer) => this.#body.push(chunk));
    this.#request.on('end', () => {
      this.#bodyIsWhole = true;
      this.#onceWhole();
    });
  }

  #send(): void {
    if (this.#state !== 'asking') return;
    const { arm, path, headers } = this.#shielding;
    const upstream = arm.pick();
    if (!upstream) {
      this.giveUp();
      return;
    }
    this.#upstream = upstream;
    const { fault } = this.#shielding;
    const call = { path, method: this.#request.method ?? 'GET', headers: headers as string[], body: this.#wholeBody() };
    const send = (reader: AnswerReader) => void upstream.pool.dispatch(call, reader);
    try {
      if (fault === null) send(this);
      else sendUnderFault(fault, { send, drain: () => undefined }, this);
    } catch {
      this.giveUp();
    }
  }
  onConnect(abort: (reason?: Error) => void): void {
    this.#started = true;
    this.#abort = abort;
    if (this.#state === 'over') abort(new Error('production answers'));
  }
  onHeaders(status: number, raw: readonly Buffer[], resume: () => void, words: string): boolean {
    this.#resume = resume;
    if (status >= 200) this.#begin(status, sayable(words), answered(raw));
    return true;
  }
  onData(chunk: Buffer): boolean {
    if (this.#state === 'over') return true;
    if (this.#state === 'passed') return this.#response.write(chunk);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    return (this.#head?.whole && this.#heldBytes <= heldBytes) || this.#pass();
  }
  onComplete(): void {
    if (this.#state === 'asking') this.#pass();
    if (this.#state === 'passed') this.#response.end();
  }
  onError(): void {
    if (!this.#started) this.#upstream?.refused();
    if (this.#state === 'passed') this.#response.destroy();
    else this.giveUp();
  }

  /** Production answers instead, if nothing of the arm's answer has left. Also when the arm is to be rid of its users at once. */
  giveUp(answer: AnswerClass = 'broken'): boolean {
    if (this.#state !== 'asking') return false;
    this.#leave();
    const user = this.#shielding.request.shielded(answer);
    const instead = () => {
      if (this.#response.destroyed) user.broken();
      else this.#shielding.instead(user, this.#wholeBody());
    };
    if (this.#bodyIsWhole) instead();
    else {
      this.#onceWhole = instead;
      this.#response.on('close', () => user.broken());
    }
    return true;
  }
  #wholeBody(): Buffer | null {
    return this.#hasBody ? Buffer.concat(this.#body) : null;
  }

  #begin(status: number, words: string | undefined, raw: readonly string[]): void {
    if (this.#state !== 'asking') return;
    const answer = classOfStatus(status, headerOf(raw, 'location'));
    if (answer === 'server-error' || answer === 'unauthorised' || answer === 'forbidden' || answer === 'login-redirect') {
      this.giveUp(answer);
      return;
    }
    const length = headerOf(raw, 'content-length');
    this.#head = { status, headers: raw, words, whole: length !== undefined && Number(length) <= heldBytes };
  }
  /** The answer is good: it goes out from here as it comes. False when no more should come for now. */
  #pass(): boolean {
    const head = this.#head;
    if (head === null) return true;
    this.#state = 'passed';
    clearTimeout(this.#limit);
    const { request, addToAnswer, soften } = this.#shielding;
    request.answered(head.status, headerOf(head.headers, 'location'));
    const { status, headers } = soften?.(head) ?? head;
    this.#response.writeHead(status, head.words ?? '', [...headers, ...addToAnswer]);
    return this.#held.splice(0).reduce((_, chunk) => this.#response.write(chunk), true);
  }
  #end(tell: (observer: Observer) => void): void {
    if (this.#state === 'over') return;
    tell(this.#shielding.request);
    this.#leave();
  }
  #leave(): void {
    this.#state = 'over';
    clearTimeout(this.#limit);
    this.#held.length = 0;
    this.#abort?.(new Error('nobody waits for it any more'));
  }
}

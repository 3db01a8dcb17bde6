import type { Act, AuditLog, ErrorCode, JsonObject, NewToken } from '@haldane/core';
import type { FastifyRequest } from 'fastify';
import type { Caller } from './access/caller.ts';
import type { Route } from './routes.ts';

/** Writes down what one request did or wanted to do: that it may before it does it, and afterwards only that it failed. */
export class AuditedRequest {
  readonly #log: Pick<AuditLog, 'append'>;
  readonly #request: FastifyRequest;
  readonly #route: Route;
  caller: Caller | null = null;
  to = 'nothing';
  /** What a signed login opens, once it was looked at: it says who asks. */
  login: NewToken | null = null;
  #allowed = false;

  constructor(log: Pick<AuditLog, 'append'>, request: FastifyRequest, route: Route) {
    this.#log = log;
    this.#request = request;
    this.#route = route;
  }

  /** Nothing may be touched before this is written. */
  async allowed(): Promise<void> {
    // Of several files the first has it written.
    if (this.#allowed || this.#route.operation.method === 'GET' || this.#route.operation.quiet) return;
    await this.#write('allowed', null);
    this.#allowed = true;
  }

  /** `like`: how many such refusals before it were not written down. */
  async failed(code: ErrorCode, like = 0): Promise<void> {
    if (this.#route.operation.method === 'GET') return;
    await this.#write(this.#allowed ? 'failed' : 'refused', code, like === 0 ? {} : { notWritten: like });
  }

  async #write(outcome: Act['outcome'], code: ErrorCode | null, more: JsonObject = {}): Promise<void> {
    const { subject, id } = this.caller?.token ?? { subject: this.login?.subject ?? 'a stranger', id: null };
    await this.#log.append({
      who: subject,
      token: id,
      from: this.#request.ip,
      did: this.#route.id,
      to: this.to,
      outcome,
      code,
      // A refused body may be anything, and a login is a secret.
      detail: outcome === 'allowed' && this.caller !== null ? ((this.#request.body as JsonObject | undefined) ?? {}) : more,
    });
  }
}

import { buildConnector, Client, type Dispatcher, errors } from 'undici';
import type { AnswerReader } from './door/answer-reader.ts';

type Line = { readonly client: Client; isFree: boolean };

/**
 * Connections to one instance, as many as there are requests at once, one request at a time on each. Who was used last is used next, so that
 * those that a busy hour opened end when it is over. undici's own pool looks through all its connections for each request, and is told of
 * each that is free again through layers of its own: that took 2 % of the router's processor time.
 */
export class ConnectionPool {
  readonly #address: string;
  readonly #options: Client.Options;
  readonly #lines = new Set<Line>();
  readonly #free: Line[] = [];
  #closed = false;

  constructor(address: string, { connect, ...options }: Client.Options & { readonly connect: buildConnector.BuildOptions }) {
    this.#address = address;
    // One for all, for TLS sessions are resumed from what it remembers.
    this.#options = { ...options, pipelining: 1, connect: buildConnector(connect) };
  }
  /** Sends a request at once, on a connection of its own for as long as it lasts. */
  dispatch(call: Dispatcher.DispatchOptions, reader: AnswerReader): void {
    if (this.#closed) {
      reader.onError(new errors.ClientClosedError());
      return;
    }
    const line = this.#free.pop() ?? this.#open();
    line.isFree = false;
    if (line.client.dispatch(call, reader)) this.#release(line);
  }
  /** Takes nothing more; ends each connection once what is in flight on it has finished. */
  async close(): Promise<void> {
    this.#closed = true;
    const lines = [...this.#lines];
    this.#lines.clear();
    await Promise.all(lines.map(({ client }) => client.close()));
  }
  /** How many there are, busy or not. */
  get size(): number {
    return this.#lines.size;
  }

  #open(): Line {
    const client = new Client(this.#address, this.#options);
    const line: Line = { client, isFree: false };
    this.#lines.add(line);
    client.on('drain', () => this.#release(line));
    // What waited on it has been told; undici's own pool uses such a one no more either.
    client.on('connectionError', () => this.#forget(line));
    client.on('disconnect', () => {
      if (line.isFree) this.#forget(line);
    });
    return line;
  }
  #release(line: Line): void {
    if (line.isFree || !this.#lines.has(line)) return;
    line.isFree = true;
    this.#free.push(line);
  }
  #forget(line: Line): void {
    this.#lines.delete(line);
    if (line.isFree) this.#free.splice(this.#free.indexOf(line), 1);
  }
}

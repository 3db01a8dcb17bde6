import { buildConnector, Client, type Dispatcher } from 'undici';
import type { AnswerReader } from './door/answer-reader.ts';

/** `stats` is documented, but not in undici's types. */
type Counted = Client & { readonly stats: { readonly size: number } };
/** `isFree`: it is in the list of those to be lent. */
type Line = { readonly client: Counted; isFree: boolean; isConnected: boolean };

/**
 * Connections to one instance, as many as there are requests at once, one request at a time on each. Who was used last is used next, so that
 * those that a busy hour opened end when it is over, and nothing is left of them. undici's own pool looks through all its connections for
 * each request, and is told of each that is free again through layers of its own: that took 2 % of the router's processor time.
 */
export class ConnectionPool {
  readonly #address: URL;
  readonly #options: Client.Options;
  readonly #lines = new Set<Line>();
  readonly #free: Line[] = [];
  #closed = false;

  /** Throws where the address is none. */
  constructor(address: string, { connect, ...options }: Client.Options & { readonly connect: buildConnector.BuildOptions }) {
    this.#address = new URL(address);
    // One for all, for TLS sessions are resumed from what it remembers.
    this.#options = { ...options, pipelining: 1, connect: buildConnector(connect) };
  }
  /** Sends a request at once, on a connection of its own for as long as it lasts. */
  dispatch(call: Dispatcher.DispatchOptions, reader: AnswerReader): void {
    const line = this.#free.pop() ?? this.#open();
    line.isFree = false;
    // Given back when undici says that it has drained, and not before: what ended at once still has its socket to close. Of a call that it
    // refused to take up it says nothing.
    if (!line.client.dispatch(call, reader) && line.client.stats.size === 0) this.#release(line);
  }
  /**
   * Ends each connection once what is in flight on it has finished. Whoever chose this instance before (a fault may hold a request for a
   * while) can still send, on a connection that ends with the request.
   */
  async close(): Promise<void> {
    this.#closed = true;
    const lines = [...this.#lines];
    this.#lines.clear();
    for (const line of this.#free.splice(0)) line.isFree = false;
    await Promise.all(lines.map(({ client }) => client.close()));
  }
  /** How many there are, busy or not. */
  get size(): number {
    return this.#lines.size;
  }

  #open(): Line {
    const client = new Client(this.#address, this.#options) as Counted;
    const line: Line = { client, isFree: false, isConnected: false };
    this.#lines.add(line);
    client.on('drain', () => this.#release(line));
    // What waited on it has been told; undici's own pool uses such a one no more either.
    client.on('connectionError', () => this.#forget(line));
    client.on('connect', () => {
      line.isConnected = true;
    });
    client.on('disconnect', () => {
      line.isConnected = false;
      if (line.isFree) this.#forget(line);
    });
    return line;
  }
  #release(line: Line): void {
    if (line.isFree || !this.#lines.has(line)) return;
    if (line.isConnected && !this.#closed) {
      line.isFree = true;
      this.#free.push(line);
      return;
    }
    // Without its connection it is of no more use than none.
    this.#forget(line);
    if (this.#closed) void line.client.close();
  }
  #forget(line: Line): void {
    this.#lines.delete(line);
    if (!line.isFree) return;
    line.isFree = false;
    this.#free.splice(this.#free.indexOf(line), 1);
  }
}

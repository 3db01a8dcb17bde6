import type { Clock, Reach, SyntheticRequest } from '@haldane/core';
import { Agent } from 'undici';
import type { RawAnswer } from './classify-answer.ts';
import { within } from './within.ts';

/** More of a body than this is not looked at. */
const bodyLimit = 64 * 1024;

/**
 * Sends synthetic requests into one arm: only to the origin of its reach, whatever a path says, and follows no redirect.
 * Each arm has its own connections: an arm that hangs must not hold up the other one's requests.
 */
export class Sender {
  readonly #clock: Clock;
  readonly #reach: Reach;
  // Kept shorter than servers keep theirs, so that a connection is never used just as the other side closes it.
  readonly #agent = new Agent({
    connections: 256,
    pipelining: 1,
    keepAliveTimeout: 1_000,
    keepAliveMaxTimeout: 1_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: 0,
  });

  constructor(reach: Reach, clock: Clock) {
    this.#reach = reach;
    this.#clock = clock;
  }

  /** The answer, or null when none came within `timeoutMs`. Rejects only when `signal` aborts. */
  async send(
    request: SyntheticRequest,
    credential: string | null,
    timeoutMs: number,
    signal: AbortSignal | null,
  ): Promise<RawAnswer | null> {
    const base = new URL(this.#reach.url);
    const prefix = base.pathname.replace(/\/$/, '');
    const own = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]));
    const headers = { ...own, ...(credential === null ? {} : { authorization: `Bearer ${credential}` }), ...this.#reach.headers };
    try {
      return await within(this.#clock, timeoutMs, signal, async (abort) => {
        const answer = await this.#agent.request({
          origin: base.origin,
          path: `${prefix}${request.path}`,
          method: request.method as 'GET',
          headers,
          body: request.body,
          signal: abort,
        });
        const body = await this.#read(answer.body);
        return { status: answer.statusCode, headers: plain(answer.headers), body };
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      return null;
    }
  }

  /** Reads all of a body, so that the connection can be used again, and keeps its beginning. */
  async #read(body: AsyncIterable<Buffer>): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      if (size < bodyLimit) chunks.push(chunk.subarray(0, bodyLimit - size));
      size += chunk.length;
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function plain(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

import { HaldaneError } from '@haldane/core';
import type { Pool } from 'pg';
import { type Address, openPool } from '../connection.ts';

/** A server that does not let one in so long is asked again over another connection. */
const connectWithinMs = 2_000;

/** A query that the server reads and plans once a connection. */
export type Prepared = { readonly name: string; readonly text: string; readonly values: readonly unknown[] };

/**
 * A way to the database of its own, for what must not wait behind other queries: a runner whose other queries all wait would lose runs that
 * it drives. A query that is not answered in time takes its connection with it, because the next one would wait behind it.
 */
export class Line {
  readonly #pool: Pool;
  constructor(address: Address, connections: number) {
    this.#pool = openPool(address, connections, { connectWithinMs });
  }

  /** The rows of one query. Throws `unavailable` when there is no answer in time. */
  async ask<R>({ name, text, values }: Prepared, withinMs: number): Promise<readonly R[]> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    const giveUp = () => {
      broken = new HaldaneError('unavailable', `the database did not answer within ${withinMs} ms`);
      client.release(broken);
    };
    const alarm = setTimeout(giveUp, withinMs);
    try {
      const { rows } = await client.query({ name, text, values: [...values] });
      return rows as R[];
    } catch (error) {
      throw broken ?? error;
    } finally {
      clearTimeout(alarm);
      if (broken === undefined) client.release();
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

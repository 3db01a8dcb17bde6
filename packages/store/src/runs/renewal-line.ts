import { HaldaneError } from '@haldane/core';
import type { CompiledQuery } from 'kysely';
import type { Pool } from 'pg';
import { type Address, openPool } from '../connection.ts';

/** So many runs are renewed at a time; a row that another statement holds keeps only one of them waiting. */
const connections = 4;
/** A server that does not let one in so long is asked again over another connection. */
const connectWithinMs = 2_000;

/**
 * The way by which leases are renewed. It is its own, because a runner whose other queries all wait would lose runs that it drives; and a
 * query that is not answered in time takes its connection with it, because the next one would wait behind it.
 */
export class RenewalLine {
  readonly #pool: Pool;
  constructor(address: Address) {
    this.#pool = openPool(address, connections, connectWithinMs);
  }

  /** The rows of one query. Throws `unavailable` when there is no answer in time. */
  async ask<R>({ sql, parameters }: CompiledQuery<R>, withinMs: number): Promise<readonly R[]> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    const giveUp = () => {
      broken = new HaldaneError('unavailable', `the database did not answer within ${withinMs} ms`);
      client.release(broken);
    };
    const alarm = setTimeout(giveUp, withinMs);
    try {
      const { rows } = await client.query(sql, [...parameters]);
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

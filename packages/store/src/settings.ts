import type { Json } from '@haldane/core';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { translated } from './translate.ts';

/** What an operator sets for all runs at once, such as the switch that halts them. */
export interface Settings {
  /** The value, or null when it was never set. */
  get(name: string): Promise<Json>;
  set(name: string, value: Json): Promise<void>;
}

/** Settings on PostgreSQL. */
export class PostgresSettings implements Settings {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async get(name: string): Promise<Json> {
    return translated('reading a setting', async () => {
      const row = await this.#db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst();
      return row?.value ?? null;
    });
  }

  async set(name: string, value: Json): Promise<void> {
    await translated('writing a setting', () =>
      sql`
        insert into settings (name, value) values (${name}, ${JSON.stringify(value)}::json)
        on conflict (name) do update set value = excluded.value, set_at = clock_timestamp()`.execute(this.#db),
    );
  }
}

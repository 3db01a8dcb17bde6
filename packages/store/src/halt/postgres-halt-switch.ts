import type { Halt, HaltSwitch } from '@haldane/core';
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

/** The switch on PostgreSQL. A trigger on the runs refuses new ones, whoever creates them. */
export class PostgresHaltSwitch implements HaltSwitch {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async get(): Promise<Halt> {
    return translated('reading the halt', async () => {
      const row = await this.#db.selectFrom('halt').selectAll().executeTakeFirstOrThrow();
      return { halted: row.halted, why: row.why, by: row.changed_by, at: row.changed_at?.getTime() ?? null };
    });
  }

  async halt(why: string, by: string): Promise<number> {
    return translated('halting', () =>
      this.#db.transaction().execute(async (transaction) => {
        await set(transaction, true, why, by);
        // A statement of its own: it sees what was created while the one before waited.
        const { rows } = await sql`
          update runs set abort_asked = ${storable(why)}, abort_reason = 'halted'
          where phase <> 'done' and abort_asked is null returning id`.execute(transaction);
        return rows.length;
      }),
    );
  }

  async lift(why: string, by: string): Promise<void> {
    await translated('lifting the halt', () => set(this.#db, false, why, by));
  }
}

async function set(db: Database, halted: boolean, why: string, by: string): Promise<void> {
  await sql`update halt set halted = ${halted}, why = ${storable(why)}, changed_by = ${storable(by)}, changed_at = clock_timestamp()`.execute(
    db,
  );
}

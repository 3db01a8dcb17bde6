import type { Act, AuditEntry, AuditHead, AuditLog } from '@haldane/core';
import { type Selectable, sql } from 'kysely';
import type { AuditTable, Database } from '../database.ts';
import { translated } from '../translate.ts';
import { canonicalJson } from './canonical-json.ts';

type Row = Selectable<AuditTable>;

/** The audit log on PostgreSQL: the database numbers, times and chains the entries, and refuses to change one. */
export class PostgresAuditLog implements AuditLog {
  readonly #db: Database;
  readonly #publish: (head: AuditHead) => void;
  constructor(db: Database, publish: (head: AuditHead) => void) {
    this.#db = db;
    this.#publish = publish;
  }

  async append(act: Act): Promise<AuditEntry> {
    const entry = await translated('writing the audit log', async () => {
      const { rows } = await sql<Row>`select * from append_audit(${canonicalJson(act)})`.execute(this.#db);
      return rows[0] as AuditEntry;
    });
    this.#publish({ seq: entry.seq, hash: entry.hash });
    return entry;
  }

  async read(after: number, limit: number): Promise<readonly AuditEntry[]> {
    return translated('reading the audit log', () =>
      this.#db.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute(),
    );
  }

  async head(): Promise<AuditHead | null> {
    return translated('reading the head of the audit log', async () => {
      const row = await this.#db.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst();
      return row ?? null;
    });
  }
}

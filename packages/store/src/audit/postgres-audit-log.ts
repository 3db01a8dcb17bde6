import {
  type Act,
  type AuditEntry,
  type AuditExcerpt,
  type AuditedRun,
  type AuditHead,
  type AuditLog,
  canonicalJson,
  type ServiceRef,
} from '@haldane/core';
import { type Selectable, sql } from 'kysely';
import type { AuditTable, Database } from '../database.ts';
import { translated } from '../translate.ts';

type Row = Selectable<AuditTable>;

/** So far beyond what an excerpt is about it goes on: a head that was published a while later is among them. */
const mostBeyond = 10_000;

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

  async excerpt({ run, service, environment, from, until }: AuditedRun): Promise<AuditExcerpt> {
    const keys = await this.#keysOf(run, { service, environment });
    const onRun = [`run ${run}`, ...keys.flatMap((key) => [`the run with the key ${key}`, `the stage ${key}`])];
    const onService = `service ${service} in ${environment}`;
    // Found by its words, for what strangers were refused may hold what PostgreSQL reads as no JSON; looked at again below.
    const named = (what: string) => sql<boolean>`position(${JSON.stringify(what)} in body) > 0`;
    const isAbout = sql<boolean>`(at >= ${from} and (${sql.join(onRun.map(named), sql` or `)} or (at <= ${until} and (${named(onService)} or ${named('halt')}))))`;
    const isReally = ({ at, body }: Row) => {
      const { to, did } = JSON.parse(body) as Act;
      return onRun.includes(to) || (at <= until && (to === onService || did === 'halt'));
    };
    const rows = await translated('reading a part of the audit log', async () => {
      const found = await sql<Row & { readonly about: boolean; readonly digest: string | null }>`
        with part as (select min(seq) as first, max(seq) as last from audit where ${isAbout}),
        head as (select max(seq) as seq from audit)
        select audit.seq, at, case when ${isAbout} then body else '' end as body, prev, hash, ${isAbout} as about,
          case when hash = encode(sha256(convert_to(concat_ws(E'\n', prev, audit.seq, at, digest), 'UTF8')), 'hex') then digest end as digest
        from part, head, audit, lateral (select encode(sha256(convert_to(body, 'UTF8')), 'hex') as digest) as d
        where audit.seq between coalesce(part.first, head.seq) and coalesce(part.last, head.seq) + ${mostBeyond}
        order by audit.seq`.execute(this.#db);
      return found.rows;
    });
    return rows.map(({ about, digest, body, prev, seq, at, hash }) =>
      about && isReally({ seq, at, body, prev, hash }) ? { seq, at, body, prev, hash } : { seq, at, digest, hash },
    );
  }

  /** By which a run may be called: its own key, and that of the stage which it is a run of. */
  async #keysOf(run: string, of: ServiceRef): Promise<readonly string[]> {
    const { rows } = await translated('reading what a run was called', () =>
      sql<{ key: string; stage: string; asked: Partial<ServiceRef> | null }>`
        select r.key, r.stage, h.asked
        from (select key, regexp_replace(key, ':[0-9]+$', '') as stage from runs where id = ${run} and key is not null) as r
        left join held_deploys h on h.id = 'stage:' || r.stage`.execute(this.#db),
    );
    return rows.flatMap(({ key, stage, asked }) =>
      asked?.service === of.service && asked.environment === of.environment ? [key, stage] : [key],
    );
  }

  async head(): Promise<AuditHead | null> {
    return translated('reading the head of the audit log', async () => {
      const row = await this.#db.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst();
      return row ?? null;
    });
  }
}

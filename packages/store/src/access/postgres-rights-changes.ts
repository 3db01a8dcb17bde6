import type { AskedChange, RightsChange, RightsChanges } from '@haldane/core';
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

type Row = { id: string; author: string; what: RightsChange; until: Date | null; answered: AskedChange['answered'] };

/** Changes of who may do what, on PostgreSQL. They are noted where they are made: by the tokens and the register of services. */
export class PostgresRightsChanges implements RightsChanges {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async get(id: string): Promise<AskedChange | null> {
    return translated('reading a change of rights', async () => {
      const { rows } = await sql<Row>`select * from rights_changes where id::text = ${id}`.execute(this.#db);
      return rows[0] ? changeOf(rows[0]) : null;
    });
  }

  async overdue(): Promise<readonly AskedChange[]> {
    return translated('looking for changes of rights that nobody answered for', async () => {
      const { rows } = await sql<Row>`
        select * from rights_changes where answered is null and until <= clock_timestamp() and not ask_first order by until limit 100`.execute(
        this.#db,
      );
      return rows.map(changeOf);
    });
  }

  async settle(id: string, answer: 'kept' | 'taken-back', by: string, why: string): Promise<boolean> {
    return translated('answering for a change of rights', async () => {
      const { rows } = await sql`
        with recursive settled as (
          update rights_changes set answered = ${answer}, answered_by = ${storable(by)}, why = ${storable(why)}, over_at = clock_timestamp()
          where id::text = ${id} and answered is null and (${answer} = 'taken-back' or until is null or ask_first or until > clock_timestamp())
          returning *
        ), back as (
          select what from settled where answered = 'taken-back'
        ), ending as (
          select t.id from tokens t, back where back.what ->> 'kind' = 'token' and t.id = back.what ->> 'token'
          union
          select t.id from tokens t join ending on t.made_with = ending.id
        ), ended as (
          update tokens set revoked_at = coalesce(revoked_at, clock_timestamp()) where id in (select id from ending)
        ), moved as (
          update services s set team = back.what #>> '{before,team}', contact = back.what #>> '{before,contact}'
          from back where back.what ->> 'kind' = 'owner' and s.service = back.what ->> 'service' and s.environment = back.what ->> 'environment'
            and s.team = back.what #>> '{after,team}'
        )
        select id from settled`.execute(this.#db);
      return rows.length > 0;
    });
  }
}

function changeOf({ id, author, what, until, answered }: Row): AskedChange {
  return { id, author, what, until: until?.getTime() ?? null, answered };
}

import type { GateBook, GateEntry, GateNote, JudgedRun, ServiceRef } from '@haldane/core';
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

/** How far back runs and entries of one service are looked at. */
const most = 500;

/** What the gate knows and was told, on PostgreSQL. */
export class PostgresGateBook implements GateBook {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async judged({ service, environment }: ServiceRef): Promise<readonly JudgedRun[]> {
    return translated('reading verdicts for the gate', async () => {
      const { rows } = await sql<JudgedRun>`
        select id, experiment ->> 'name' as experiment,
          coalesce(facts #>> '{deployment,commit}', facts #>> '{deployment,revision}') as revision,
          facts #>> '{deployment,revision}' as "onPlatform",
          json_build_object('id', experiment #>> '{scenario,id}', 'version', (facts #>> '{plan,scenarioVersion}')::int) as scenario,
          facts #>> '{verdict,verdict}' as verdict, facts #>> '{verdict,record,strength}' as strength,
          -- What something else may have done adds nothing to the proof of other runs.
          case when facts #>> '{verdict,record,more,interference}' is null
            then coalesce((facts #>> '{verdict,record,more,failuresOnly,logE}')::float8, 0) else 0 end as "logE",
          (extract(epoch from created_at) * 1000)::float8 as at,
          greatest(coalesce((facts #>> '{restored,at}')::float8 / 1000 - extract(epoch from created_at)::float8, 0), 0) as seconds,
          json_build_object('held', facts #>> '{verdict,held,mark}', 'served', facts #>> '{verdict,served,mark}',
            'noticed', facts #>> '{verdict,noticed,mark}') as marks
        from runs
        where service = ${service} and environment = ${environment} and experiment ->> 'fault' = 'true'
          and facts #>> '{verdict,verdict}' is not null and facts #>> '{deployment,revision}' is not null
        order by created_at desc, id desc limit ${most}`.execute(this.#db);
      return rows;
    });
  }

  async entries<K extends GateNote['kind']>({ service, environment }: ServiceRef, kind: K): Promise<readonly GateEntry<K>[]> {
    return translated('reading what was said at the gate', async () => {
      // The one kind that reports are made of is read where a pool's runner may read it, too.
      const from = sql.table(kind === 'came-in' ? 'came_in' : 'gate_entries');
      const { rows } = await sql<{ body: GateNote; who: string; at: Date }>`
        select body, who, at from ${from}
        where service = ${service} and environment = ${environment} and body ->> 'kind' = ${kind}
        order by seq desc limit ${most}`.execute(this.#db);
      return rows.map(({ body, who, at }) => ({ ...body, who, at: at.getTime() }) as unknown as GateEntry<K>);
    });
  }

  async wasLive({ service, environment }: ServiceRef, revision: string): Promise<boolean> {
    return translated('looking for revisions that were live', async () => {
      const { rows } = await sql`
        select 1 from gate_entries
        where service = ${service} and environment = ${environment} and body ->> 'kind' = 'ask' and body ->> 'live' = ${revision}
        limit 1`.execute(this.#db);
      return rows.length > 0;
    });
  }

  async note({ service, environment }: ServiceRef, note: GateNote, who: string): Promise<void> {
    await translated('noting what was said at the gate', () =>
      sql`
        insert into gate_entries (service, environment, body, who)
        values (${service}, ${environment}, ${JSON.stringify(note)}::jsonb, ${storable(who)})`.execute(this.#db),
    );
  }
}

import { type DueSchedule, HaldaneError, type Schedule, type ScheduledTime, type ScheduleStore } from '@haldane/core';
import { type Selectable, sql } from 'kysely';
import type { Database, SchedulesTable, ScheduleTimesTable } from '../database.ts';
import { storable } from '../storable.ts';
import { brokenConstraint, translated } from '../translate.ts';

type TimeRow = Selectable<ScheduleTimesTable>;

/** Schedules on PostgreSQL, one statement a step: no scheduler can fall asleep in the middle of one. */
export class PostgresSchedules implements ScheduleStore {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async add(schedule: Schedule): Promise<void> {
    await translated('adding a schedule', async () => {
      const { id, file, pool, cron, zone, afterDeploy, jitterSeconds, catchUp } = schedule;
      try {
        await sql`
          insert into schedules (id, file, pool, cron, zone, after_deploy, jitter_seconds, catch_up)
          values (${id}, ${file}, ${pool}, ${cron}, ${zone}, ${afterDeploy}, ${jitterSeconds}, ${catchUp})`.execute(this.#db);
      } catch (error) {
        if (brokenConstraint(error) === 'schedules_pkey')
          throw new HaldaneError('conflict', `there is a schedule "${id}" already; remove it or choose another name`);
        throw error;
      }
    });
  }

  async remove(id: string): Promise<boolean> {
    return translated('removing a schedule', async () => {
      const { rows } = await sql`delete from schedules where id = ${id} returning id`.execute(this.#db);
      return rows.length > 0;
    });
  }

  async list(pools?: readonly string[]): Promise<readonly DueSchedule[]> {
    return translated('listing schedules', async () => {
      const all = this.#db.selectFrom('schedules').selectAll().orderBy('id');
      return (await (pools === undefined ? all : all.where('pool', 'in', pools)).execute()).map(scheduleOf);
    });
  }

  async times(id: string, limit: number): Promise<readonly ScheduledTime[]> {
    return translated('reading a schedule', async () => {
      const newest = this.#db.selectFrom('schedule_times').selectAll().where('schedule_id', '=', id).orderBy('start_at', 'desc');
      return (await newest.orderBy('due', 'desc').limit(limit).execute()).map(timeOf);
    });
  }

  async now(): Promise<number> {
    return translated('reading the time', async () => {
      const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(this.#db);
      return rows[0]?.now.getTime() ?? Number.NaN;
    });
  }

  async enter(
    before: Pick<DueSchedule, 'id' | 'seenUntil' | 'seenRevision'>,
    seen: Pick<DueSchedule, 'seenUntil' | 'seenRevision'>,
    times: readonly Pick<ScheduledTime, 'due' | 'startAt' | 'state' | 'why'>[],
  ): Promise<boolean> {
    return translated('entering what is due', async () => {
      const rows = times.map(({ due, startAt, state, why }) => ({ due, start_at: new Date(startAt).toISOString(), state, why }));
      const done = await sql`
        with seen as (
          update schedules set seen_until = ${new Date(seen.seenUntil).toISOString()}::timestamptz, seen_revision = ${seen.seenRevision}
          where id = ${before.id} and seen_until = ${new Date(before.seenUntil).toISOString()}::timestamptz
            and seen_revision is not distinct from ${before.seenRevision}
          returning id
        ), entered as (
          insert into schedule_times (schedule_id, due, start_at, state, why)
          select seen.id, t.due, t.start_at, t.state, t.why
          from seen, json_to_recordset(${JSON.stringify(rows)}::json) as t (due text, start_at timestamptz, state text, why text)
          on conflict (schedule_id, due) do nothing
        )
        select id from seen`.execute(this.#db);
      return done.rows.length > 0;
    });
  }

  async take(pools: readonly string[], forMs: number): Promise<(ScheduledTime & { readonly file: string }) | null> {
    return translated('taking what is due', async () => {
      const { rows } = await sql<TimeRow & { file: string }>`
        with candidate as (
          select t.schedule_id, t.due, s.file from schedule_times t join schedules s on s.id = t.schedule_id
          where t.state = 'waiting' and t.start_at <= clock_timestamp() and s.pool = any(${[...pools]}::text[])
            and (t.taken_until is null or t.taken_until <= clock_timestamp())
          order by t.start_at, t.schedule_id
          for update of t skip locked
          limit 1
        )
        update schedule_times t set taken_until = clock_timestamp() + ${forMs} * interval '1 millisecond'
        from candidate c where t.schedule_id = c.schedule_id and t.due = c.due
        returning t.*, c.file`.execute(this.#db);
      return rows[0] ? { ...timeOf(rows[0]), file: rows[0].file } : null;
    });
  }

  async settle(time: ScheduledTime, became: Pick<ScheduledTime, 'state' | 'runId' | 'why'> & { readonly againMs?: number }): Promise<void> {
    const why = became.why === null ? null : storable(became.why);
    await translated('noting what became of a time', () =>
      sql`
        update schedule_times set state = ${became.state}, run_id = ${became.runId}, why = ${why},
          taken_until = clock_timestamp() + ${became.againMs ?? 0} * interval '1 millisecond'
        where schedule_id = ${time.scheduleId} and due = ${time.due} and state = 'waiting'`.execute(this.#db),
    );
  }
}

function scheduleOf(row: Selectable<SchedulesTable>): DueSchedule {
  return {
    id: row.id,
    file: row.file,
    pool: row.pool,
    cron: row.cron,
    zone: row.zone,
    afterDeploy: row.after_deploy,
    jitterSeconds: row.jitter_seconds,
    catchUp: row.catch_up as Schedule['catchUp'],
    seenUntil: row.seen_until.getTime(),
    seenRevision: row.seen_revision,
  };
}

function timeOf(row: TimeRow): ScheduledTime {
  return {
    scheduleId: row.schedule_id,
    due: row.due,
    startAt: row.start_at.getTime(),
    state: row.state as ScheduledTime['state'],
    runId: row.run_id,
    why: row.why,
  };
}

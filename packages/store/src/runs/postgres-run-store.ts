import {
  type Claim,
  type Fence,
  HaldaneError,
  type JsonObject,
  type Move,
  messageOf,
  type NewRun,
  type Run,
  type RunEvent,
  type RunStore,
  type RunsWanted,
} from '@haldane/core';
import { type Selectable, sql } from 'kysely';
import { among } from '../among.ts';
import type { HeldWrites } from '../asking/held-writes.ts';
import type { Renewals } from '../asking/renewals.ts';
import type { Database, EventsTable, RunsTable } from '../database.ts';
import { held, refusedWrite } from '../held.ts';
import { storable } from '../storable.ts';
import { brokenConstraint, isHalted, translated } from '../translate.ts';
import { eventsOfMove } from './move-events.ts';
import { eventOf, runOf } from './run-row.ts';

type RunRow = Selectable<RunsTable>;
type ClaimedRow = RunRow & { abandoned: boolean };

/**
 * Runs on PostgreSQL. Each write is one statement: a runner that falls asleep between two statements of a transaction would
 * hold the row lock with it, and no rescuer could see the run.
 */
export class PostgresRunStore implements RunStore {
  readonly #db: Database;
  readonly #renewals: Renewals;
  readonly #writes: HeldWrites;
  constructor(db: Database, renewals: Renewals, writes: HeldWrites) {
    this.#db = db;
    this.#renewals = renewals;
    this.#writes = writes;
  }

  async create(run: NewRun): Promise<Run> {
    const unattendedMs = run.unattendedMs ?? null;
    return translated('creating a run', async () => {
      try {
        const made = await sql<RunRow>`
          with made as (
            insert into runs (id, service, environment, experiment, key, pool, event_seq, abort_asked, watch_ms, watched_until)
            values (${run.id}, ${run.service}, ${run.environment}, ${JSON.stringify(run.experiment)}, ${run.key}, ${run.pool ?? null}, 1,
              forestalled(${run.key}, ${run.by === undefined ? null : storable(run.by)}), ${unattendedMs}, clock_timestamp() + ${unattendedMs}::int * interval '1 millisecond')
            on conflict (key) do nothing
            returning *
          ), told as (
            insert into events (run_id, seq, type, data)
            select id, 1, 'created', ${JSON.stringify({ service: run.service, environment: run.environment, experiment: run.experiment.name })}::json from made
          )
          select * from made`.execute(this.#db);
        const row = made.rows[0] ?? (await this.#db.selectFrom('runs').selectAll().where('key', '=', run.key).executeTakeFirstOrThrow());
        return runOf(row);
      } catch (error) {
        const constraint = brokenConstraint(error);
        if (constraint === 'one_run_per_service') {
          // Asked twice at once: whichever index refuses the second is chance, and it is the first one's run all the same.
          const first = await this.#underKey(run.key);
          if (first !== null) return first;
          throw await this.#taken(run);
        }
        if (isHalted(error))
          throw new HaldaneError('halted', `no run begins while Haldane is ${messageOf(error)}; an admin of all teams lifts it`);
        if (constraint === 'runs_pkey') throw new HaldaneError('conflict', `there is a run "${run.id}" already; a run's id is used once`);
        throw error;
      }
    });
  }

  async #underKey(key: string | null): Promise<Run | null> {
    if (key === null) return null;
    const row = await this.#db.selectFrom('runs').selectAll().where('key', '=', key).executeTakeFirst();
    return row ? runOf(row) : null;
  }

  async #taken(run: NewRun): Promise<HaldaneError> {
    const holder = await this.#db
      .selectFrom('runs')
      .select(['id', 'phase'])
      .where('service', '=', run.service)
      .where('environment', '=', run.environment)
      .where('phase', '<>', 'done')
      .executeTakeFirst();
    const by = holder ? `run "${holder.id}" (${holder.phase})` : 'another run';
    return new HaldaneError('service-taken', `${run.service} in ${run.environment} is taken by ${by}; wait for it or abort it`, {
      details: { runId: holder?.id ?? null },
    });
  }

  async get(id: string): Promise<Run | null> {
    return translated('reading a run', async () => {
      const row = await this.#db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? runOf(row) : null;
    });
  }

  async find(key: string): Promise<Run | null> {
    return translated('finding a run', async () => {
      const row = await this.#db.selectFrom('runs').selectAll().where('key', '=', key).executeTakeFirst();
      return row ? runOf(row) : null;
    });
  }

  async list(limit: number, { before, of }: RunsWanted = {}): Promise<readonly Run[]> {
    return translated('listing runs', async () => {
      const older = before === undefined ? sql`true` : sql`(created_at, id) < (select created_at, id from runs where id = ${before})`;
      const theirs = of === undefined ? sql`true` : among(of);
      const { rows } = await sql<RunRow>`
        select * from runs where ${older} and ${theirs} order by created_at desc, id desc limit ${limit}`.execute(this.#db);
      return rows.map(runOf);
    });
  }

  /**
   * Abandoned runs come first: something of theirs may be in the world. One that was given back and that nobody took before the lease would
   * have ended is abandoned too. Then the one that waited longest, so that a run that is taken and given back again and again cannot starve
   * the others.
   */
  async claim(runner: string, leaseMs: number, graceMs: number, pools: readonly string[] = []): Promise<Claim | null> {
    return translated('claiming a run', async () => {
      const { rows } = await sql<ClaimedRow>`
        with candidate as (
          select id, coalesce(lease_until <= clock_timestamp(), false) as abandoned from runs
          where phase <> 'done'
            and (pool is null or pool = any(${[...pools]}::text[]))
            and (not_before is null or not_before <= clock_timestamp())
            and (holder is null or lease_until + ${graceMs} * interval '1 millisecond' <= clock_timestamp())
          order by coalesce(lease_until <= clock_timestamp(), false) desc, coalesce(released_at, created_at), id
          for update skip locked
          limit 1
        )
        update runs
        set holder = ${storable(runner)}, fence = fence + 1, lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        from candidate where runs.id = candidate.id
        returning runs.*, candidate.abandoned`.execute(this.#db);
      return rows[0] ? claimOf(rows[0], leaseMs) : null;
    });
  }

  async renew(fence: Fence, leaseMs: number, signal?: AbortSignal): Promise<number> {
    return translated('renewing a lease', async () => {
      const until = await this.#renewals.renew(fence, leaseMs, signal);
      return until ?? (await refusedWrite(this.#db, fence));
    });
  }

  /**
   * Facts are added and never edited, and the first stop stays: a run that was stopped by its budget and met an error on its
   * way back was stopped by its budget.
   */
  async advance(fence: Fence, version: number, move: Move): Promise<Run> {
    return translated('moving a run', async () => {
      const before = await this.get(fence.runId);
      if (before?.version !== version) return refusedWrite(this.#db, fence, version);
      const events = eventsOfMove(before, move);
      const { rows } = await sql<RunRow>`
        with moved as (
          update runs set
            phase = ${move.to},
            stop = coalesce(stop, ${move.stop ? JSON.stringify(move.stop) : null}::json),
            facts = ${JSON.stringify({ ...move.learned, ...before.facts })}::json,
            version = version + 1,
            put_off = 0,
            event_seq = event_seq + ${events.length}::int,
            holder = case when ${move.to} = 'done' then null else holder end,
            lease_until = case when ${move.to} = 'done' then null else lease_until end
          where ${held(fence)} and version = ${version}
          returning *
        ), told as (
          insert into events (run_id, seq, type, data)
          select moved.id, moved.event_seq - ${events.length}::int + e.ord, e.type, e.data::json
          from moved, unnest(${events.map((e) => e.type)}::text[], ${events.map((e) => JSON.stringify(e.data))}::text[]) with ordinality as e (type, data, ord)
        )
        select * from moved`.execute(this.#db);
      return rows[0] ? runOf(rows[0]) : refusedWrite(this.#db, fence, version);
    });
  }

  async release(fence: Fence): Promise<void> {
    await translated('giving a claim back', async () => {
      const { rows } = await sql`
        update runs set holder = null, released_at = clock_timestamp()
        where ${held(fence)} returning id`.execute(this.#db);
      if (rows.length === 0) await refusedWrite(this.#db, fence);
    });
  }

  async takeBack(id: string, runner: string, leaseMs: number): Promise<Claim | null> {
    return translated('taking a run back', async () => {
      const { rows } = await sql<ClaimedRow>`
        update runs
        set holder = ${storable(runner)}, fence = fence + 1, lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        where id = ${id} and holder is null and phase <> 'done'
        returning *, false as abandoned`.execute(this.#db);
      return rows[0] ? claimOf(rows[0], leaseMs) : null;
    });
  }

  async putOff(fence: Fence, ms: number): Promise<void> {
    await translated('putting a run off', async () => {
      const { rows } = await sql`
        update runs set holder = null, released_at = clock_timestamp(), put_off = put_off + 1,
          not_before = clock_timestamp() + ${ms} * interval '1 millisecond'
        where ${held(fence)} returning id`.execute(this.#db);
      if (rows.length === 0) await refusedWrite(this.#db, fence);
    });
  }

  async askAbort(id: string, why: string): Promise<void> {
    await translated('asking a run to stop', async () => {
      const { rows } = await sql`
        update runs set abort_asked = case when phase = 'done' then abort_asked else coalesce(abort_asked, ${storable(why)}) end
        where id = ${id} returning id`.execute(this.#db);
      if (rows.length === 0) throw new HaldaneError('not-found', `there is no run "${id}"`);
    });
  }

  async askedToStop(ids: readonly string[]): Promise<readonly Run[]> {
    return translated('looking for aborts', async () => {
      const asked = await this.#db.selectFrom('runs').selectAll().where('id', 'in', ids).where('abort_asked', 'is not', null).execute();
      return asked.map(runOf);
    });
  }

  async forestall(key: string, by: string, why: string): Promise<Run | null> {
    return translated('aborting a run by its key', async () => {
      const { rows } = await sql<{ id: string | null }>`
        select forestall_run(${storable(key)}, ${storable(by)}, ${storable(why)}) as id`.execute(this.#db);
      const id = rows[0]?.id ?? null;
      return id === null ? null : this.get(id);
    });
  }

  async attended(id: string): Promise<void> {
    await translated('noting that a run is attended', () =>
      sql`
        update runs set watched_until = clock_timestamp() + watch_ms * interval '1 millisecond'
        where id = ${id} and watch_ms is not null and phase <> 'done'`.execute(this.#db),
    );
  }

  async tell(run: string | Fence, type: RunEvent['type'], data: JsonObject): Promise<RunEvent> {
    return translated('telling an event', async () => {
      if (typeof run === 'string') return this.#tell(run, type, data);
      const [told] = (await this.#writes.write({ fence: run, events: [{ type, data }] })) ?? (await refusedWrite(this.#db, run));
      if (told === undefined) throw new HaldaneError('internal', 'an event was told and has no number');
      return { runId: run.runId, seq: told.seq, at: told.at.getTime(), type, data };
    });
  }

  /** Said by somebody who need not hold the run. */
  async #tell(id: string, type: RunEvent['type'], data: JsonObject): Promise<RunEvent> {
    const { rows } = await sql<Selectable<EventsTable>>`
      with next as (update runs set event_seq = event_seq + 1 where id = ${id} returning id, event_seq)
      insert into events (run_id, seq, type, data)
      select id, event_seq, ${type}, ${JSON.stringify(data)}::json from next
      returning *`.execute(this.#db);
    if (rows[0]) return eventOf(rows[0]);
    throw new HaldaneError('not-found', `there is no run "${id}"`);
  }

  async events(runId: string, afterSeq: number, limit: number): Promise<readonly RunEvent[]> {
    return translated('reading events', async () => {
      const rows = await this.#db
        .selectFrom('events')
        .selectAll()
        .where('run_id', '=', runId)
        // Whoever asks may name any number, also one that no event can have.
        .where('seq', '>', sql<number>`${afterSeq}::bigint`)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map(eventOf);
    });
  }
}

function claimOf(row: ClaimedRow, leaseMs: number): Claim {
  return { run: runOf(row), fence: { runId: row.id, fence: row.fence }, leaseMs, abandoned: row.abandoned, putOff: row.put_off };
}

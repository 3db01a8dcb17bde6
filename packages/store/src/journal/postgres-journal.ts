import { type Change, type EntryState, type Fence, HaldaneError, type Journal, type JournalEntry, type Json } from '@haldane/core';
import { type Selectable, sql } from 'kysely';
import type { Database, JournalTable } from '../database.ts';
import { held, refusedWrite } from '../held.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

type Row = Selectable<JournalTable>;

/** The journal on PostgreSQL: each write locks the run's row, so that it and a rescuer's claim come one after the other. */
export class PostgresJournal implements Journal {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async intend(fence: Fence, change: Change, before: Json): Promise<JournalEntry> {
    return translated('writing the way back', async () => {
      const { rows } = await sql<Row>`
        with standing as (
          select * from journal where run_id = ${fence.runId} and change_id = ${change.id}
        ), holding as (
          update runs set journal_seq = journal_seq + (select count(*) = 0 from standing)::int
          where ${held(fence)} returning id, journal_seq
        ), made as (
          insert into journal (run_id, seq, change_id, change, before)
          select id, journal_seq, ${change.id}, ${JSON.stringify(change)}::json, ${JSON.stringify(before)}::json
          from holding where not exists (select from standing)
          on conflict (run_id, change_id) do nothing
          returning *
        )
        select m.* from made m
        union all
        select s.* from standing s, holding`.execute(this.#db);
      return entryOf(rows[0] ?? (await this.#standing(fence, change)));
    });
  }

  /** The entry that another call of the same runner made at the same moment, or the reason why there is none. */
  async #standing(fence: Fence, change: Change): Promise<Row> {
    const row = await sql<Row>`
      select journal.* from journal join runs on runs.id = journal.run_id
      where ${held(fence)} and change_id = ${change.id}`.execute(this.#db);
    return row.rows[0] ?? (await refusedWrite(this.#db, fence));
  }

  async mark(fence: Fence, seq: number, state: EntryState, note?: string): Promise<void> {
    await translated('marking the journal', async () => {
      const { rows } = await sql<{ seq: number | null }>`
        with holding as (select id from runs where ${held(fence)} for share),
        marked as (
          update journal set state = ${state}, note = ${note === undefined ? null : storable(note)}, marked_at = clock_timestamp()
          from holding where journal.run_id = holding.id and journal.seq = ${seq}
          returning journal.seq
        )
        select marked.seq from holding left join marked on true`.execute(this.#db);
      if (rows.length === 0) await refusedWrite(this.#db, fence);
      if (rows[0]?.seq === null) throw new HaldaneError('not-found', `the journal of run "${fence.runId}" has no entry ${seq}`);
    });
  }

  async entries(runId: string): Promise<readonly JournalEntry[]> {
    return translated('reading the journal', async () => {
      const rows = await this.#db
        .selectFrom('journal')
        .select(['run_id', 'seq', 'change_id', 'change', 'before', 'state', 'note'])
        .where('run_id', '=', runId)
        .orderBy('seq')
        .execute();
      return rows.map(entryOf);
    });
  }
}

function entryOf(row: Row): JournalEntry {
  return {
    runId: row.run_id,
    seq: row.seq,
    change: row.change as unknown as Change,
    before: row.before,
    state: row.state as EntryState,
    note: row.note,
  };
}

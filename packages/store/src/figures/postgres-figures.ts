import type { Figure } from '@haldane/core';
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { translated } from '../translate.ts';

/** What those who watch Haldane itself want to know. */
export interface Figures {
  read(): Promise<readonly Figure[]>;
}

/** Figures over all runs of the database, whichever runner drove them. */
export class PostgresFigures implements Figures {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async read(): Promise<readonly Figure[]> {
    return translated('reading figures', async () => {
      const [open, ended, stops, left, times, notices, late] = await Promise.all([
        sql<{ phase: string; held: string; n: number }>`
          select phase, case when holder is null and (phase = 'planning' or lease_until is null or lease_until > clock_timestamp()) then 'no'
            when lease_until > clock_timestamp() then 'yes' else 'lost' end as held, count(*)::int as n
          from runs where phase <> 'done' group by 1, 2`.execute(this.#db),
        sql<{ verdict: string; stop: string; n: number }>`
          select coalesce(facts #>> '{verdict,verdict}', 'none') as verdict, coalesce(stop ->> 'reason', 'none') as stop, count(*)::int as n
          from runs where phase = 'done' group by 1, 2`.execute(this.#db),
        sql<{ n: number; seconds: number }>`
          select count(*)::int as n, coalesce(sum(greatest(0, (facts ->> 'offAt')::float8 - (facts ->> 'decidedAt')::float8)) / 1000, 0)::float8 as seconds
          from runs where facts ->> 'offAt' is not null and facts ->> 'decidedAt' is not null`.execute(this.#db),
        sql<{ n: number }>`select count(*)::int as n from journal where state = 'stuck'`.execute(this.#db),
        sql<{ state: string; n: number }>`select state, count(*)::int as n from schedule_times group by 1`.execute(this.#db),
        sql<{ receiver: string; state: string; n: number }>`
          select receiver, state, count(*)::int as n from deliveries group by 1, 2`.execute(this.#db),
        sql<{ seconds: number }>`
          select greatest(0, coalesce(extract(epoch from clock_timestamp() - least(
            (select min(made_at) from deliveries where state = 'waiting'), (select min(at) from news where told_at is null))), 0))::float8 as seconds`.execute(
          this.#db,
        ),
      ]);
      const stopped = stops.rows[0] ?? { n: 0, seconds: 0 };
      return [
        {
          name: 'haldane_runs_open',
          kind: 'gauge',
          says: 'Runs that have not ended, by phase, and whether a runner holds them.',
          samples: open.rows.map(({ phase, held, n }) => ({ labels: { phase, held }, value: n })),
        },
        {
          name: 'haldane_runs_ended_total',
          kind: 'counter',
          says: 'Runs that have ended, by verdict and by what stopped them.',
          samples: ended.rows.map(({ verdict, stop, n }) => ({ labels: { verdict, stop }, value: n })),
        },
        {
          name: 'haldane_leftovers',
          kind: 'gauge',
          says: 'Changes that could not be put back yet.',
          samples: [{ labels: {}, value: left.rows[0]?.n ?? 0 }],
        },
        {
          name: 'haldane_stop_seconds_sum',
          kind: 'counter',
          says: 'Seconds from the decision to stop until no user was in the arms.',
          samples: [{ labels: {}, value: stopped.seconds }],
        },
        {
          name: 'haldane_stop_seconds_count',
          kind: 'counter',
          says: 'Runs that this was measured of.',
          samples: [{ labels: {}, value: stopped.n }],
        },
        {
          name: 'haldane_scheduled_times_total',
          kind: 'counter',
          says: 'Times of schedules, by what became of them.',
          samples: times.rows.map(({ state, n }) => ({ labels: { state }, value: n })),
        },
        {
          name: 'haldane_notices',
          kind: 'gauge',
          says: 'Notices of the last days, by receiver and by whether they arrived; given-up did not and never will.',
          samples: notices.rows.map(({ receiver, state, n }) => ({ labels: { receiver, state }, value: n })),
        },
        {
          name: 'haldane_notice_waiting_seconds',
          kind: 'gauge',
          says: 'How long what waits longest to be told has waited.',
          samples: [{ labels: {}, value: late.rows[0]?.seconds ?? 0 }],
        },
      ];
    });
  }
}

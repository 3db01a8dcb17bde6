import {
  type Delivered,
  type Delivery,
  type JsonObject,
  type News,
  type Notice,
  type Outbox,
  patience,
  type TakenNews,
  type Topic,
  type Untold,
} from '@haldane/core';
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

type NewsRow = {
  id: string;
  topic: Topic;
  service: string;
  environment: string;
  run_id: string | null;
  data: JsonObject;
  at: Date;
  tries: number;
};
type DeliveryRow = { id: string; receiver: string; notice: Notice; tries: number; made_at: Date };
type UntoldRow = { id: string; topic: Topic; service: string; environment: string; receiver: string | null; why: string };

/** The outbox on PostgreSQL. News of runs and of the gate get here by triggers; each step is one statement, so nobody falls asleep in one. */
export class PostgresOutbox implements Outbox {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async announce({ topic, service, environment, runId, data }: Omit<News, 'id' | 'at'>, once: string): Promise<void> {
    await translated('noting news', () =>
      sql`
        insert into news (once, topic, service, environment, run_id, pool, data)
        values (${storable(once)}, ${topic}, ${service}, ${environment}, ${runId}, (select pool from runs where id = ${runId}), ${JSON.stringify(data)}::json)
        on conflict (once) do nothing`.execute(this.#db),
    );
  }

  async takeNews(pools: readonly (string | null)[], forMs: number): Promise<TakenNews | null> {
    const named = pools.filter((pool) => pool !== null);
    const ours = (row: 'n' | 'e') =>
      sql`(${sql.ref(`${row}.pool`)} = any(${named}::text[]) or (${sql.ref(`${row}.pool`)} is null and ${pools.includes(null)}))`;
    return translated('taking news', async () => {
      const { rows } = await sql<NewsRow>`
        with candidate as (
          select id from news n
          where told_at is null and ${ours('n')} and (taken_until is null or taken_until <= clock_timestamp())
            and not exists (
              select from news e where e.told_at is null and e.service = n.service and e.environment = n.environment and e.seq < n.seq
                and ${ours('e')} and e.tries < ${patience})
          order by seq limit 1 for update skip locked
        )
        update news set tries = tries + 1, taken_until = clock_timestamp() + ${forMs} * interval '1 millisecond'
        from candidate where news.id = candidate.id
        returning news.*`.execute(this.#db);
      return rows[0] ? newsOf(rows[0]) : null;
    });
  }

  async post(news: News, notices: readonly Pick<Delivery, 'receiver' | 'notice'>[]): Promise<boolean> {
    return translated('putting notices on their way', async () => {
      const receivers = notices.map(({ receiver }) => receiver);
      // Each notice is cast whole and never taken apart: PostgreSQL would look into its words, and refuse a NUL or half a pair in them.
      const words = notices.map(({ notice }) => JSON.stringify(notice));
      const done = await sql`
        with told as (
          update news set told_at = clock_timestamp() where id = ${news.id} and told_at is null returning id, service, environment
        ), posted as (
          insert into deliveries (id, receiver, service, environment, notice)
          select concat(told.id, '.', n.receiver), n.receiver, told.service, told.environment, n.notice::json
          from told, unnest(${receivers}::text[], ${words}::text[]) as n (receiver, notice)
          on conflict (id) do nothing
        )
        select id from told`.execute(this.#db);
      return done.rows.length > 0;
    });
  }

  async take(receivers: readonly string[], forMs: number): Promise<Delivery | null> {
    return translated('taking a delivery', async () => {
      const { rows } = await sql<DeliveryRow>`
        with candidate as (
          select id from deliveries d
          where state = 'waiting' and receiver = any(${[...receivers]}::text[]) and not_before <= clock_timestamp()
            and not exists (
              select from deliveries e where e.state = 'waiting' and e.receiver = d.receiver and e.service = d.service
                and e.environment = d.environment and e.seq < d.seq)
          order by not_before limit 1 for update skip locked
        )
        update deliveries d set tries = tries + 1, not_before = clock_timestamp() + ${forMs} * interval '1 millisecond'
        from candidate where d.id = candidate.id
        returning d.*`.execute(this.#db);
      return rows[0] ? deliveryOf(rows[0]) : null;
    });
  }

  async settle({ id, tries }: Pick<Delivery, 'id' | 'tries'>, became: Delivered): Promise<boolean> {
    return translated('noting what became of a delivery', async () => {
      const over = became.state !== 'waiting';
      const why = became.state === 'delivered' ? null : storable(became.why);
      const againMs = became.state === 'waiting' ? became.againMs : 0;
      const { rows } = await sql`
        update deliveries set state = ${became.state}, why = ${why}, not_before = clock_timestamp() + ${againMs} * interval '1 millisecond',
          over_at = case when ${over} then clock_timestamp() end
        where id = ${id} and state = 'waiting' and (tries = ${tries} or ${became.state} = 'delivered')
        returning id`.execute(this.#db);
      return rows.length > 0;
    });
  }

  async clear(olderThanMs: number): Promise<readonly Untold[]> {
    return translated('clearing the outbox', async () => {
      const long = sql`clock_timestamp() - ${olderThanMs} * interval '1 millisecond'`;
      const news = await sql<UntoldRow>`
        with forgotten as (
          delete from news n where coalesce(told_at, at) < ${long}
            and not exists (select from runs r where r.id = n.run_id and r.phase <> 'done')
          returning *
        )
        select id::text, topic, service, environment, null as receiver, 'nobody told it in time' as why from forgotten
        where told_at is null and (pool is not null or tries > 0) order by seq`.execute(this.#db);
      await sql`delete from deliveries where over_at < ${long}`.execute(this.#db);
      const deliveries = await sql<Omit<UntoldRow, 'topic'> & { notice: Notice }>`
        update deliveries set state = 'given-up', why = coalesce(why, 'nobody here knows this receiver'), over_at = clock_timestamp()
        where state = 'waiting' and made_at < ${long}
        returning id, notice, service, environment, receiver, why`.execute(this.#db);
      return [...news.rows, ...deliveries.rows.map(({ notice: { topic }, ...rest }) => ({ ...rest, topic }))];
    });
  }
}

function newsOf({ id, topic, service, environment, run_id, data, at, tries }: NewsRow): TakenNews {
  return { id, topic, service, environment, runId: run_id, data, at: at.getTime(), tries };
}

function deliveryOf({ id, receiver, notice, tries, made_at }: DeliveryRow): Delivery {
  return { id, receiver, notice, tries, madeAt: made_at.getTime() };
}

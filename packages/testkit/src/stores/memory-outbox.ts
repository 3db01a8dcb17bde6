import { randomUUID } from 'node:crypto';
import {
  type Delivered,
  type Delivery,
  type News,
  type Outbox,
  patience,
  type RunEvent,
  type TakenNews,
  type Topic,
  topics,
  type Untold,
} from '@haldane/core';
import { type MemoryTables, type NewsRow, type RunRow, stored } from './memory-tables.ts';

/** The outbox in memory. */
export class MemoryOutbox implements Outbox {
  readonly #tables: MemoryTables;
  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  async announce(news: Omit<News, 'id' | 'at'>, once: string): Promise<void> {
    const { rows } = this.#tables;
    note(this.#tables, news, once, news.runId === null ? null : (rows.get(news.runId)?.pool ?? null));
  }

  async takeNews(pools: readonly (string | null)[], forMs: number): Promise<TakenNews | null> {
    const now = this.#tables.clock.now();
    const ours = this.#tables.news.filter(({ told, pool }) => !told && pools.includes(pool));
    const waits = ({ news: { service, environment } }: NewsRow, at: number) =>
      ours.slice(0, at).some(({ news, tries }) => news.service === service && news.environment === environment && tries < patience);
    const row = ours.find((one, at) => one.takenUntil <= now && !waits(one, at));
    if (row === undefined) return null;
    row.tries += 1;
    row.takenUntil = now + forMs;
    return stored({ ...row.news, tries: row.tries });
  }

  async post(news: News, notices: readonly Pick<Delivery, 'receiver' | 'notice'>[]): Promise<boolean> {
    const row = this.#tables.news.find((one) => one.news.id === news.id && !one.told);
    if (row === undefined) return false;
    row.told = true;
    const madeAt = this.#tables.clock.now();
    for (const { receiver, notice } of stored(notices)) {
      const delivery = { id: `${news.id}.${receiver}`, receiver, notice, tries: 0, madeAt };
      this.#tables.deliveries.push({ delivery, state: 'waiting', notBefore: madeAt });
    }
    return true;
  }

  async take(receivers: readonly string[], forMs: number): Promise<Delivery | null> {
    const now = this.#tables.clock.now();
    const waiting = this.#tables.deliveries.filter(({ state }) => state === 'waiting');
    const queue = ({ receiver, notice }: Delivery) => JSON.stringify([receiver, notice.service, notice.environment]);
    const first = waiting.filter((row, at) => waiting.findIndex((other) => queue(other.delivery) === queue(row.delivery)) === at);
    const row = first.find(({ delivery, notBefore }) => receivers.includes(delivery.receiver) && notBefore <= now);
    if (row === undefined) return null;
    row.delivery = { ...row.delivery, tries: row.delivery.tries + 1 };
    row.notBefore = now + forMs;
    return stored(row.delivery);
  }

  async settle({ id, tries }: Pick<Delivery, 'id' | 'tries'>, became: Delivered): Promise<boolean> {
    const row = this.#tables.deliveries.find(({ delivery, state }) => delivery.id === id && state === 'waiting');
    if (row === undefined || (row.delivery.tries !== tries && became.state !== 'delivered')) return false;
    row.state = became.state;
    if (became.state === 'waiting') row.notBefore = this.#tables.clock.now() + became.againMs;
    return true;
  }

  async clear(olderThanMs: number): Promise<readonly Untold[]> {
    const { news, deliveries, rows, clock } = this.#tables;
    const long = clock.now() - olderThanMs;
    const isOpen = (runId: string | null) => runId !== null && (rows.get(runId)?.run.phase ?? 'done') !== 'done';
    const forgotten = news.filter((row) => row.news.at < long && !isOpen(row.news.runId));
    news.splice(0, news.length, ...news.filter((row) => !forgotten.includes(row)));
    const late = deliveries.filter((row) => row.state === 'waiting' && row.delivery.madeAt < long);
    for (const row of late) row.state = 'given-up';
    return [
      ...forgotten
        .filter(({ told, pool, tries }) => !told && (pool !== null || tries > 0))
        .map(({ news: { id, topic, service, environment } }) => ({
          id,
          topic,
          service,
          environment,
          receiver: null,
          why: 'nobody told it in time',
        })),
      ...late.map(
        ({
          delivery: {
            id,
            receiver,
            notice: { topic, service, environment },
          },
        }) => {
          return { id, topic, service, environment, receiver, why: 'nobody here knows this receiver' };
        },
      ),
    ];
  }
}

/** What of a run's events is news: what the database's trigger does. */
export function noteNewsOf(tables: MemoryTables, { run, pool }: RunRow, { type, data }: RunEvent): void {
  if (type === 'phase' && data['phase'] !== 'provisioning') return;
  const named: Readonly<Record<string, Topic>> = { phase: 'started', stop: 'stopped' };
  const topic = named[type] ?? topics.find((one) => one === type);
  if (topic === undefined) return;
  const needs: Readonly<Record<string, Topic>> = { stopped: 'started', verdict: 'started', restored: 'stuck' };
  const before = needs[topic];
  if (before !== undefined && !tables.news.some(({ once }) => once === `run:${run.id}:${before}`)) return;
  const { id: runId, service, environment } = run;
  note(tables, { topic, service, environment, runId, data }, `run:${runId}:${topic}`, pool);
}

function note(tables: MemoryTables, news: Omit<News, 'id' | 'at'>, once: string, pool: string | null): void {
  if (tables.news.some((row) => row.once === once)) return;
  tables.news.push({
    news: stored({ ...news, id: randomUUID(), at: tables.clock.now() }),
    once,
    pool,
    takenUntil: 0,
    tries: 0,
    told: false,
  });
}

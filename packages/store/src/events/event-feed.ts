import { systemClock } from '@haldane/core';
import pg from 'pg';
import { type Address, clientConfig } from '../connection.ts';

/** Called with the id of a run that has new events, or with null when some may have been missed: then look at every run you follow. */
export type EventListener = (runId: string | null) => void;

const retryMs = 1_000;

/**
 * Hears of new events as they are committed, over one connection that exists while anybody listens. It says *that* there is
 * something; what it is the listener reads from the run store, so a lost notice costs time and never an event.
 */
export class EventFeed {
  readonly #address: Address;
  readonly #listeners = new Set<EventListener>();
  readonly #closed = new AbortController();
  #running: Promise<void> | null = null;
  #client: pg.Client | null = null;

  constructor(address: Address) {
    this.#address = address;
  }

  /** Adds a listener, and returns what removes it. The listener is called with null once the feed hears anything. */
  onEvents(listener: EventListener): () => void {
    this.#listeners.add(listener);
    if (this.#running === null) this.#running = this.#run();
    else if (this.#client) listener(null);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#closed.abort(new Error('the event feed is closed'));
    await this.#client?.end().catch(() => {});
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await this.#listen().catch(() => {});
      this.#client = null;
      if (!signal.aborted) await systemClock.sleep(retryMs, signal).catch(() => {});
    }
  }

  /** Listens until the connection ends. */
  async #listen(): Promise<void> {
    const client = new pg.Client(clientConfig(this.#address));
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve);
      client.on('error', () => resolve());
    });
    try {
      client.on('notification', (notice) => this.#tell(notice.payload ?? null));
      await client.connect();
      await client.query('listen haldane_events');
      if (this.#closed.signal.aborted) return;
      this.#client = client;
      this.#tell(null);
      await ended;
    } finally {
      await client.end().catch(() => {});
    }
  }

  #tell(runId: string | null): void {
    for (const listener of this.#listeners) listener(runId);
  }
}

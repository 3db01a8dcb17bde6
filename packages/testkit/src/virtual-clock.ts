import type { Clock } from '@haldane/core';

type Sleeper = { readonly at: number; readonly order: number; readonly wake: () => void };

/** Lets everything that is ready run: all promises settle that wait for nothing but each other. */
const quiet = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Time that stands still until a test moves it. Sleepers wake in the order of their times, then of their going to sleep;
 * between two of them everything that became ready runs to its end, so a test sees the same order every time.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #sleepers: Sleeper[] = [];

  constructor(start = 1_700_000_000_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const sleeper: Sleeper = {
        at: this.#now + Math.max(0, ms),
        order: this.#order++,
        wake: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** How many are asleep. */
  sleeping(): number {
    return this.#sleepers.length;
  }

  /** Moves time by `ms`, waking whoever is due on the way at the time that it asked for. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await quiet();
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) {
      this.#wake(next);
      await quiet();
    }
    this.#now = end;
  }

  /** Moves time at once, as after a suspended machine: whoever was due in between wakes late, at the new time. */
  async jump(ms: number): Promise<void> {
    this.#now += ms;
    await this.advance(0);
  }

  /** Moves time from sleeper to sleeper until the promise settles, for at most `limitMs`; gives back what it resolved to. */
  async until<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    const end = this.#now + limitMs;
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    await quiet();
    while (!settled) {
      const next = this.#next();
      if (!next) throw new Error('nobody is asleep and the promise has not settled: it waits for something that is not the clock');
      if (next.at > end) throw new Error(`the promise has not settled after ${limitMs} ms of virtual time`);
      this.#wake(next);
      await quiet();
    }
    return promise;
  }

  #next(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (!first || sleeper.at < first.at || (sleeper.at === first.at && sleeper.order < first.order)) first = sleeper;
    }
    return first;
  }

  #wake(sleeper: Sleeper): void {
    this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
    this.#now = Math.max(this.#now, sleeper.at);
    sleeper.wake();
  }
}

import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '@haldane/core';
import { isRefused } from '../translate.ts';

export type TogetherOptions<Q, A> = {
  /** Answers all of these with one question to the database, in their order. An answer may be a promise: then nobody else waits for it. */
  readonly ask: (all: readonly Q[]) => Promise<readonly (A | Promise<A>)[]>;
  /** So many at a time. */
  readonly most: number;
  /** How long the first of them waits for company; without it, to the end of this turn of the event loop. */
  readonly gatherMs?: number;
};

type Waiting<Q, A> = {
  readonly question: Q;
  /** Aborted: whoever asked waits no more. */
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: A | Promise<A>) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Asks for many at once: what comes while a question is on its way goes with the next one. So one alone waits for hardly anything, and the
 * more there are, the less each of them costs. What the database refuses is asked again one by one: nobody fails for another's fault.
 */
export class Together<Q, A> {
  readonly #options: TogetherOptions<Q, A>;
  #waiting: Waiting<Q, A>[] = [];
  #going = false;

  constructor(options: TogetherOptions<Q, A>) {
    this.#options = options;
  }

  /** Rejects with the signal's reason as soon as it aborts. What was not asked by then, because a slow question is before it, never is. */
  async ask(question: Q, signal?: AbortSignal): Promise<A> {
    signal?.throwIfAborted();
    let giveUp = () => {};
    try {
      return await new Promise<A>((resolve, reject) => {
        const one = { question, signal, resolve, reject };
        giveUp = () => {
          this.#waiting = this.#waiting.filter((other) => other !== one);
          reject(signal?.reason as Error);
        };
        signal?.addEventListener('abort', giveUp);
        this.#waiting.push(one);
        if (!this.#going) void this.#go();
      });
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  async #go(): Promise<void> {
    const { gatherMs, most } = this.#options;
    this.#going = true;
    while (this.#waiting.length > 0) {
      await (gatherMs === undefined ? turn() : systemClock.sleep(gatherMs));
      const taken = this.#waiting.slice(0, most);
      this.#waiting = this.#waiting.slice(most);
      if (taken.length > 0) await this.#askFor(taken);
    }
    this.#going = false;
  }

  async #askFor(taken: readonly Waiting<Q, A>[]): Promise<void> {
    try {
      const answers = await this.#options.ask(taken.map(({ question }) => question));
      for (const [i, { resolve }] of taken.entries()) {
        const answer = answers[i] as A | Promise<A>;
        // Whoever gave up hears nothing of it any more, nor of its failure.
        if (answer instanceof Promise) answer.catch(() => undefined);
        resolve(answer);
      }
    } catch (error) {
      // Without the server's own answer nobody knows whether it did what it was asked: to ask again might write twice.
      if (taken.length > 1 && isRefused(error)) {
        for (const one of taken) if (one.signal?.aborted !== true) await this.#askFor([one]);
      } else for (const { reject } of taken) reject(error);
    }
  }
}

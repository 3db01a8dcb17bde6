import type { Clock, RunStore } from '@haldane/core';

/** Looks whether somebody asked runs to stop, with one question for all of them, for as long as there are any. */
export class AbortWatch {
  readonly #runs: Pick<RunStore, 'askedToStop'>;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #watched = new Map<string, AbortController>();
  #looking: AbortController | null = null;

  constructor(runs: Pick<RunStore, 'askedToStop'>, clock: Clock, everyMs = 200) {
    this.#runs = runs;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /**
   * Aborts as soon as it is seen that the run was asked to stop, until the run is removed. Its reason is an error with the words that were
   * said, whose cause is the stop's reason.
   */
  add(runId: string): AbortSignal {
    const asked = new AbortController();
    this.#watched.set(runId, asked);
    if (this.#looking === null) {
      this.#looking = new AbortController();
      void this.#look(this.#looking.signal);
    }
    return asked.signal;
  }

  remove(runId: string): void {
    this.#watched.delete(runId);
    if (this.#watched.size > 0) return;
    this.#looking?.abort();
    this.#looking = null;
  }

  async #look(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      try {
        await this.#clock.sleep(this.#everyMs, over);
        const ids = [...this.#watched].filter(([, asked]) => !asked.signal.aborted).map(([id]) => id);
        const found = ids.length === 0 ? [] : await this.#runs.askedToStop(ids);
        for (const run of found)
          this.#watched.get(run.id)?.abort(new Error(run.abortAsked ?? '', { cause: run.abortReason ?? 'operator' }));
      } catch {
        // Over, or the store is away for a moment: it is asked again, and between two phases in any case.
      }
    }
  }
}

import type { Interrupts } from './follow.ts';

type Source = { on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown };

/**
 * A person's wish to stop, from the first moment of the command to the last: the process is never ended by the signal itself, for that
 * would cut short what is being put back. Whoever begins to listen after the wish is told at once.
 */
export class Interruption implements Interrupts {
  readonly #listeners = new Set<() => void>();
  #asked = false;

  constructor(source: Source) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      source.on(signal, () => {
        this.#asked = true;
        for (const listener of [...this.#listeners]) listener();
      });
  }
  on(_signal: 'SIGINT' | 'SIGTERM', listener: () => void): void {
    if (this.#listeners.has(listener)) return;
    this.#listeners.add(listener);
    if (this.#asked) queueMicrotask(listener);
  }
  off(_signal: 'SIGINT' | 'SIGTERM', listener: () => void): void {
    this.#listeners.delete(listener);
  }
}

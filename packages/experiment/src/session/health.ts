import type { Block, Clock } from '@haldane/core';

type Healthy = Block['healthy'];

/**
 * How many instances of each arm were healthy in each second. Looked at about once a second, whenever seconds are told: where a source tells them
 * late and many at once, each has what was seen at its own time, and one look at which an instance was away costs one second.
 */
export class Health {
  readonly #look: (signal: AbortSignal) => Promise<Healthy>;
  readonly #clock: Clock;
  readonly #looks: { readonly second: number; readonly healthy: Healthy }[] = [];

  constructor(look: (signal: AbortSignal) => Promise<Healthy>, clock: Clock) {
    this.#look = look;
    this.#clock = clock;
  }

  /** Looks, unless somebody looked in this second already. It says how the second ended that is just over. */
  async look(signal: AbortSignal): Promise<void> {
    const second = Math.floor(this.#clock.now() / 1000) - 1;
    if (this.#looks.at(-1)?.second === second) return;
    this.#looks.push({ second, healthy: await this.#look(signal) });
  }

  /** What the last look at a second or before it saw, or the first one where nobody looked before. Seconds are asked for in order. */
  at(second: number): Healthy {
    const last = this.#looks.findLastIndex((look) => look.second <= second);
    if (last > 0) this.#looks.splice(0, last);
    return this.#looks[0]?.healthy ?? { control: 0, experiment: 0 };
  }
}

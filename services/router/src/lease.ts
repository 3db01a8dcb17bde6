import type { RouterTime } from './time.ts';

/**
 * How long an effect may last. It ends by the wall clock or by as much running time as was left at receipt, whichever comes
 * first: a clock that is set back prolongs nothing.
 */
export class Lease {
  readonly #time: RouterTime;
  #until = 0;
  #bound = 0;
  constructor(time: RouterTime, until: number) {
    this.#time = time;
    this.renew(until);
  }
  /** Ends at `until` (epoch ms) from now on; earlier than before is possible. */
  renew(until: number): void {
    this.#until = until;
    this.#bound = this.#time.monotonic() + (until - this.#time.now());
  }
  get until(): number {
    return this.#until;
  }
  isOver(): boolean {
    return this.#time.now() >= this.#until || this.#time.monotonic() >= this.#bound;
  }
}

import type { Arm } from '@haldane/core';
import type { RouterTime } from '../time.ts';

/** The part of a window that one user may take at most. */
const oneUsers = 0.1;

/**
 * At most so many requests a second in each arm, and of them at most a tenth (but one) of one user: a heavy key can neither exceed the
 * cap nor fill it for the others. Counted in windows of a second, or of as long as one request takes where less than one a second may come.
 */
export class RateCap {
  readonly #time: RouterTime;
  readonly #windowMs: number;
  readonly #most: Readonly<Record<Arm, number>>;
  #window = -1;
  readonly #taken: Record<Arm, number> = { control: 0, experiment: 0 };
  readonly #byKey = new Map<string, number>();

  /** Control's users are `controlTimes` as many, so as many more of their requests may come. */
  constructor(perSecond: number, time: RouterTime, controlTimes = 1) {
    this.#time = time;
    this.#windowMs = Math.max(1000, 1000 / perSecond);
    const most = Math.max(1, Math.floor((perSecond * this.#windowMs) / 1000));
    this.#most = { control: most * controlTimes, experiment: most };
  }
  /** Takes a place in this window's count, or says no. */
  take(arm: Arm, key: string): boolean {
    const window = Math.floor(this.#time.monotonic() / this.#windowMs);
    if (window !== this.#window) {
      this.#window = window;
      this.#taken.control = 0;
      this.#taken.experiment = 0;
      this.#byKey.clear();
    }
    const taken = this.#taken[arm];
    const own = this.#byKey.get(key) ?? 0;
    if (taken >= this.#most[arm] || own >= Math.max(1, Math.floor(this.#most.experiment * oneUsers))) return false;
    this.#taken[arm] = taken + 1;
    this.#byKey.set(key, own + 1);
    return true;
  }
}

import type { RouterTime } from '../time.ts';

const windowSeconds = 60;
const enoughSeconds = 5;

/** How many requests a second came in over the last minute at most. */
export class RateMeter {
  readonly #time: RouterTime;
  readonly #since: number;
  readonly #counts = new Float64Array(windowSeconds);
  #second: number;

  constructor(time: RouterTime) {
    this.#time = time;
    this.#since = Math.floor(time.monotonic() / 1000);
    this.#second = this.#since;
  }
  /** One came, now by running time. */
  count(now: number): void {
    this.#forget(now);
    const slot = this.#second % windowSeconds;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }
  /** Requests a second over whole seconds; null while there are too few of them to say. */
  perSecond(): number | null {
    this.#forget(this.#time.monotonic());
    const whole = Math.min(this.#second - this.#since, windowSeconds - 1);
    if (whole < enoughSeconds) return null;
    let sum = 0;
    for (let back = 1; back <= whole; back++) sum += this.#counts[(this.#second - back + windowSeconds) % windowSeconds] ?? 0;
    return sum / whole;
  }
  #forget(running: number): void {
    const now = Math.floor(running / 1000);
    for (let second = Math.max(this.#second + 1, now - windowSeconds + 1); second <= now; second++)
      this.#counts[second % windowSeconds] = 0;
    this.#second = Math.max(this.#second, now);
  }
}

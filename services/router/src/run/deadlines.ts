/** Limits that pass within this long of each other are told of together. */
const togetherMs = 10;

export interface Late {
  /** Its limit has passed. */
  late(): void;
}

/** One request's place in a queue of those with the same limit. */
export class Wait {
  readonly who: Late;
  readonly over: number;
  #before: Wait | null = null;
  #next: Wait | null = null;
  /** Without a queue it is its own neighbour: the ends of a queue meet in one such. */
  constructor(who: Late, over: number, queue: Wait | null) {
    this.who = who;
    this.over = over;
    const last = (queue === null ? null : queue.#before) ?? this;
    this.#before = last;
    this.#next = queue ?? this;
    last.#next = this;
    this.#next.#before = this;
  }
  get next(): Wait | null {
    return this.#next;
  }
  /** Whoever left hears nothing any more; leaving again is harmless. */
  leave(): void {
    if (this.#before === null || this.#next === null) return;
    this.#before.#next = this.#next;
    this.#next.#before = this.#before;
    this.#before = null;
    this.#next = null;
  }
}

const nobody: Late = { late: () => undefined };

/**
 * Tells requests that their limit has passed: never early, and at most 10 ms late, so whoever ends in between has to look for himself.
 * Of one limit, who came first is late first: a queue each and one timer for its head, for a timer a request would cost more than placing it.
 */
export class Deadlines {
  /** By limit; limits come from slices. */
  readonly #queues = new Map<number, Wait>();

  /** Whoever leaves before its limit has passed hears nothing. */
  wait(limitMs: number, who: Late): Wait {
    let queue = this.#queues.get(limitMs);
    if (queue === undefined) {
      queue = new Wait(nobody, 0, null);
      this.#queues.set(limitMs, queue);
      this.#ringIn(limitMs + togetherMs, limitMs, queue);
    }
    return new Wait(who, performance.now() + limitMs, queue);
  }

  #ringIn(ms: number, limitMs: number, queue: Wait): void {
    // A timer counts from when its turn of the event loop began, which may be a while ago: who is not late yet is asked again.
    setTimeout(() => this.#ring(limitMs, queue), Math.ceil(ms)).unref();
  }
  #ring(limitMs: number, queue: Wait): void {
    const now = performance.now();
    let first = queue.next;
    for (; first !== null && first !== queue && first.over <= now; first = queue.next) {
      first.leave();
      first.who.late();
    }
    if (first === null || first === queue) this.#queues.delete(limitMs);
    else this.#ringIn(first.over + togetherMs - now, limitMs, queue);
  }
}

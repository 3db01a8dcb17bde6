/** The process is gone. Never to be caught by code under test: its fuse lets nothing happen afterwards anyway. */
export class Crash extends Error {
  constructor(step: string) {
    super(`crashed ${step}`);
    this.name = 'Crash';
  }
}

/**
 * One process that may be killed. Everything that it does to the outside passes `step`, before and after; at step `limit`
 * (from 0) the process is dead: that step throws, and so does every later one, so that code which caught the Crash, or
 * went on beside it, does no more than a dead process does.
 */
export class Fuse {
  readonly #limit: number;
  readonly #died: Promise<string>;
  #die: (step: string) => void = () => {};
  #count = 0;
  #dead: string | null = null;

  /** Without a limit nothing is cut, and the steps are only counted. */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
    this.#died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  /** How many steps were passed. */
  get count(): number {
    return this.#count;
  }

  /** Resolves to the name of the step at which the process died. */
  get died(): Promise<string> {
    return this.#died;
  }

  get dead(): boolean {
    return this.#dead !== null;
  }

  step(name: string): void {
    this.alive();
    if (this.#count === this.#limit) {
      this.#dead = name;
      this.#die(name);
      throw new Crash(name);
    }
    this.#count += 1;
  }

  /** Throws when the process is dead; counts nothing. */
  alive(): void {
    if (this.#dead !== null) throw new Crash(this.#dead);
  }

  /** `act` between two steps. */
  async around<T>(name: string, act: () => T | Promise<T>): Promise<T> {
    this.step(`before ${name}`);
    const result = await act();
    this.step(`after ${name}`);
    return result;
  }
}

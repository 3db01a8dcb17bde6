import { drawKey, type KeyDraw } from '@haldane/dataplane';

/** Two generations of so many keys are held at most: about 2 MB. */
const mostInOne = 5000;
const longestHeld = 200;

/**
 * What one run draws for its keys. Who asks again soon is remembered, for an HMAC costs more than all else that placing a request
 * does. Nothing outlives the run: `forget` ends the secret and every key with it (law 12).
 */
export class KeyDraws {
  #secret: string;
  #young = new Map<string, KeyDraw>();
  #old = new Map<string, KeyDraw>();
  constructor(secret: string) {
    this.#secret = secret;
  }
  get secret(): string {
    return this.#secret;
  }
  /** Draws from this secret from now on. */
  use(secret: string): void {
    if (secret === this.#secret) return;
    this.#secret = secret;
    this.#young = new Map();
    this.#old = new Map();
  }
  forget(): void {
    this.use('');
  }
  of(key: string): KeyDraw {
    const known = this.#young.get(key);
    if (known) return known;
    const draw = this.#old.get(key) ?? drawKey(this.#secret, key);
    if (key.length <= longestHeld) this.#hold(key, draw);
    return draw;
  }
  /** Keys that were not asked for during a whole generation fall out with it. */
  #hold(key: string, draw: KeyDraw): void {
    if (this.#young.size >= mostInOne) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    // A copy: a piece of a header would keep the whole header in memory with it.
    this.#young.set(Buffer.from(key).toString(), draw);
  }
}

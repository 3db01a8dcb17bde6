import { drawKey, type KeyDraw } from '@haldane/dataplane';

/** So many keys are held at most: about 3 MB. */
const slots = 16_384;
const longestHeld = 200;
/** What tells most keys apart stands at their end. */
const told = 12;

type Drawn = { readonly key: string; readonly draw: KeyDraw };

/**
 * What one run draws for its keys. Who asks again soon is remembered, for an HMAC costs more than all else that placing a request
 * does, and a Map that hashes each key anew half as much as placing. Nothing outlives the run: `forget` ends the secret and every key with it
 * (law 12).
 */
export class KeyDraws {
  #secret: string;
  #drawn: (Drawn | undefined)[] = Array.from({ length: slots });
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
    this.#drawn = Array.from({ length: slots });
  }
  forget(): void {
    this.use('');
  }
  of(key: string): KeyDraw {
    const slot = slotOf(key);
    const known = this.#drawn[slot];
    if (known !== undefined && known.key === key) return known.draw;
    const draw = drawKey(this.#secret, key);
    // A copy: a piece of a header would keep the whole header in memory with it.
    if (key.length <= longestHeld) this.#drawn[slot] = { key: Buffer.from(key).toString(), draw };
    return draw;
  }
}

/** Users choose their keys, so two may share a slot: one takes the place of the other. */
function slotOf(key: string): number {
  let hash = key.length;
  for (let i = Math.max(0, key.length - told); i < key.length; i += 1) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 15)) & (slots - 1);
}

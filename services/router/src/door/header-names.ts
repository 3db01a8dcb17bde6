const slots = 512;

/** A name as it is spelled, and what was once made out about it. */
export type Known<T> = { readonly name: string; readonly about: T };

/**
 * Remembers header names, for nearly all that come were there before: one that is known is not decoded, hashed and judged again, which costs
 * more than all else that is done with a header. Bounded, since others choose the names: one takes the place of another.
 */
export class HeaderNames<T> {
  readonly #judge: (name: string) => T;
  readonly #known: (Known<T> | undefined)[] = Array.from({ length: slots });
  readonly #bytes: Uint8Array[] = Array.from({ length: slots }, () => new Uint8Array());

  constructor(judge: (name: string) => T) {
    this.#judge = judge;
  }
  of(name: string): Known<T> {
    const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
    const known = this.#known[slot];
    return known !== undefined && known.name === name ? known : this.#learn(slot, name);
  }
  /** As `of`, of a name in latin1. */
  ofBytes(name: Buffer): Known<T> {
    const slot = slotOf(name.length, name[0] ?? 0, name[name.length - 1] ?? 0);
    const known = this.#known[slot];
    return known !== undefined && isSame(name, this.#bytes[slot] as Uint8Array) ? known : this.#learn(slot, name.toString('latin1'));
  }
  #learn(slot: number, name: string): Known<T> {
    // A key of an object is a string that V8 holds once and has hashed: what looks it up later, undici too, need not do so again.
    const [own = ''] = Object.keys({ [name]: true });
    const known = { name: own, about: this.#judge(own) };
    this.#known[slot] = known;
    this.#bytes[slot] = Buffer.from(own, 'latin1');
    return known;
  }
}

function slotOf(length: number, first: number, last: number): number {
  return (length * 31 + first * 7 + last * 3) % slots || 0;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i += 1) if (one[i] !== other[i]) return false;
  return true;
}

/** Names remembered at most; past it those that were said longest ago are forgotten, and may be said again. */
const most = 10_000;

/** Says of each name, at most once in so long, how often it was left unsaid since. */
export class OnceInAWhile {
  readonly #everyMs: number;
  readonly #now: () => number;
  readonly #said = new Map<string, { readonly at: number; unsaid: number }>();
  constructor(everyMs: number, now: () => number) {
    this.#everyMs = everyMs;
    this.#now = now;
  }

  /** Null when it was said a moment ago; otherwise how often it was not said since the last time. */
  say(name: string): number | null {
    const at = this.#now();
    const known = this.#said.get(name);
    if (known !== undefined && at - known.at < this.#everyMs) {
      known.unsaid += 1;
      return null;
    }
    this.#said.delete(name);
    this.#said.set(name, { at, unsaid: 0 });
    if (this.#said.size > most) this.#said.delete(this.#said.keys().next().value as string);
    return known?.unsaid ?? 0;
  }
}

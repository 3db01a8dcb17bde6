/** So many requests back a repeated one is recognised for sure, and at most twice as many are remembered. */
const remembered = 50_000;

/** Remembers requests that asked to be recognised when they come again, by a hash. */
export class RetryBook {
  #young = new Set<string>();
  #old: ReadonlySet<string> = new Set();

  /** Whether this one came before; from now on it did. */
  note(request: string): boolean {
    if (this.#young.has(request)) return true;
    const before = this.#old.has(request);
    this.#young.add(request);
    if (this.#young.size >= remembered) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    return before;
  }
}

/** The slice that brought a request into an arm. */
export type BroughtBy = { readonly runId: string; readonly slice: string };

/**
 * Real requests and tunnels that are in an arm at this moment, by the slice that brought them there: also when the slice is deleted,
 * its run detached or the request counted as failed long ago. Only when none is left, nobody real stands behind that door (law 8).
 */
export class InFlight {
  readonly #bySlice = new Map<string, { readonly by: BroughtBy; readonly cuts: Set<() => void> }>();

  /** `cut` must end the client's connection. Whoever enters calls the answer when the request has left; again is harmless. */
  enter(by: BroughtBy, cut: () => void): () => void {
    const name = nameOf(by);
    const held = this.#bySlice.get(name) ?? { by, cuts: new Set() };
    this.#bySlice.set(name, held);
    held.cuts.add(cut);
    return () => {
      held.cuts.delete(cut);
      if (held.cuts.size === 0 && this.#bySlice.get(name) === held) this.#bySlice.delete(name);
    };
  }
  /** Ends what this slice brought and is still there. */
  cut(by: BroughtBy): void {
    const held = this.#bySlice.get(nameOf(by));
    this.#bySlice.delete(nameOf(by));
    for (const cut of held?.cuts ?? []) cut();
  }
  list(): readonly (BroughtBy & { readonly requests: number })[] {
    return [...this.#bySlice.values()].map(({ by, cuts }) => ({ ...by, requests: cuts.size }));
  }
}

/** No run's id holds a slash. */
function nameOf({ runId, slice }: BroughtBy): string {
  return `${runId}/${slice}`;
}

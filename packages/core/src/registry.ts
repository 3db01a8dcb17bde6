import { HaldaneError } from './errors.ts';

/** A room's list: things found by id. An unknown id is an error that lists the known ones, never a default. */
export class Registry<T extends { readonly id: string }> {
  readonly #what: string;
  readonly #byId: ReadonlyMap<string, T>;
  /** `what` names the room in the error message ("scenario"). Ids are unique or the constructor throws. */
  constructor(what: string, things: readonly T[]) {
    this.#what = what;
    this.#byId = new Map(things.map((thing) => [thing.id, thing]));
    if (this.#byId.size !== things.length) throw new HaldaneError('internal', `two of ${what} share an id`);
  }
  get(id: string): T {
    const found = this.#byId.get(id);
    if (!found) throw new HaldaneError('unknown-id', `there is no ${this.#what} "${id}"; known: ${this.ids().join(', ')}`);
    return found;
  }
  ids(): readonly string[] {
    return [...this.#byId.keys()];
  }
  all(): readonly T[] {
    return [...this.#byId.values()];
  }
}

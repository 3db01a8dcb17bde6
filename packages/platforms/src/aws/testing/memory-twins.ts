import { HaldaneError, type JsonObject, type TwinFault } from '@haldane/core';
import type { Original, Twin, Twins } from '../aws-calls.ts';
import { withoutTags } from '../our-tags.ts';

type Kept = { -readonly [K in keyof Twin]: Twin[K] } & {
  settings: readonly string[];
  faults: readonly string[];
  theirs: readonly string[];
  behind: string | null;
};

/** One kind of resource in memory: each has settings and faults, both a list of words. */
export class MemoryTwins implements Twins {
  readonly word: string;
  /** In words, what in the account stands in the way of every fault. */
  hindrance: string | null = null;
  readonly #all = new Map<string, Kept>();

  constructor(word: string) {
    this.word = word;
  }

  /** One that was there before any run. */
  addOriginal(name: string, settings: readonly string[], tags: Readonly<Record<string, string>>): void {
    this.#all.set(name, { id: `id-of-${name}`, name, tags, settings, faults: [], theirs: [], behind: null });
  }

  /** Somebody else changes it. */
  edit(name: string, edited: Partial<Pick<Kept, 'settings' | 'faults' | 'behind'>>): void {
    Object.assign(this.#kept(name), edited);
  }

  /** Somebody else writes into it: over what this fault wrote, or beside. */
  write(name: string, over: TwinFault | null): void {
    const kept = this.#kept(name);
    if (over !== null) kept.faults = kept.faults.filter((one) => one !== wordOf(over));
    kept.theirs = [...kept.theirs, over === null ? 'beside' : `over ${wordOf(over)}`];
  }

  #kept(name: string): Kept {
    const found = this.#all.get(name);
    if (found === undefined) throw new HaldaneError('gone', `no ${this.word} ${name}`);
    return found;
  }

  readonly find: Twins['find'] = async (name) => {
    const found = this.#all.get(name);
    return found === undefined ? null : { id: found.id, name, tags: { ...found.tags } };
  };
  readonly original: Twins['original'] = async (like) => {
    const found = [...this.#all.values()].find(({ id, name }) => id === like || name === like);
    if (found === undefined) return null;
    const { id, name, tags, settings, faults, theirs } = found;
    return {
      id,
      name,
      tags: { ...tags },
      settings: { all: [...settings], faults: [...faults], theirs: [...theirs] },
      differs: ['its name', ...withoutTags(tags)],
    };
  };
  readonly tagged: Twins['tagged'] = async (key) =>
    [...this.#all.values()].filter(({ tags }) => tags[key] !== undefined).map(({ id, name, tags }) => ({ id, name, tags: { ...tags } }));
  readonly add: Twins['add'] = async (name, _original, tags) => {
    if (this.#all.has(name)) throw new HaldaneError('conflict', `${this.word} ${name} exists`);
    this.#all.set(name, { id: `id-of-${name}`, name, tags: { ...tags }, settings: [], faults: [], theirs: [], behind: null });
  };
  readonly lacks: Twins['lacks'] = async ({ name }, original) => missing(this.#kept(name), original);
  readonly equip: Twins['equip'] = async ({ name }, original) => {
    const kept = this.#kept(name);
    kept.settings = [...kept.settings, ...missing(kept, original)];
  };
  readonly remove: Twins['remove'] = async ({ name }) => void this.#all.delete(name);
  readonly setTags: Twins['setTags'] = async ({ name }, tags) => {
    const kept = this.#kept(name);
    kept.tags = { ...kept.tags, ...tags };
  };
  readonly behind: Twins['behind'] = async ({ name }) => this.#kept(name).behind;
  readonly hinders: Twins['hinders'] = async () => this.hindrance;
  readonly before: Twins['before'] = async (twin, fault, signal) => ({ wasOn: await this.isOn(twin, fault, signal) });
  readonly put: Twins['put'] = async ({ name }, fault) => {
    const kept = this.#kept(name);
    kept.faults = [...kept.faults.filter((one) => one !== wordOf(fault)), wordOf(fault)];
  };
  readonly take: Twins['take'] = async ({ name }, fault) => {
    const kept = this.#kept(name);
    kept.faults = kept.faults.filter((one) => one !== wordOf(fault));
  };
  readonly isOn: Twins['isOn'] = async ({ name }, fault) => this.#kept(name).faults.includes(wordOf(fault));
  readonly isBack: Twins['isBack'] = async (twin, fault, before: JsonObject, signal) =>
    before['wasOn'] === true || !(await this.isOn(twin, fault, signal));
  /** A bucket's policy is one field, with whatever stands in it. */
  readonly superseded: Twins['superseded'] = async ({ name }, fault) => {
    const { theirs } = this.#kept(name);
    const isSet = theirs.includes(`over ${wordOf(fault)}`) || (fault.mode === 'open-bucket' && theirs.length > 0);
    return isSet ? 'what it wrote was set by somebody else, and was kept' : null;
  };
}

function wordOf(fault: TwinFault): string {
  return JSON.stringify(fault);
}

function missing({ settings }: Kept, original: Original): readonly string[] {
  return (original.settings['all'] as readonly string[]).filter((one) => !settings.includes(one));
}

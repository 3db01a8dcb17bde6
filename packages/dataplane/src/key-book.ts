import type { Arm } from '@haldane/core';

const seenIn = { control: 1, experiment: 2 } as const;
const succeeded = 4;
const failedIn = { control: 8, experiment: 16 } as const;
/** Beyond this a run's unit is the request, and keys are not followed any further. */
const mostKeys = 1_000_000;

/** What one answer says about its key. */
export type KeyNews = {
  readonly first: boolean;
  readonly firstSuccess: boolean;
  readonly firstFailure: boolean;
  readonly switched: boolean;
};
const noNews: KeyNews = { first: false, firstSuccess: false, firstFailure: false, switched: false };

/** Remembers of each key (as its run's hash) where it was seen, whether it ever succeeded and whether it failed. */
export class KeyBook {
  readonly #flags = new Map<string, number>();

  /** Whether this key had a success in an arm of this run, here or, as far as it was told, at another router. */
  hasSucceeded(key: string): boolean {
    return ((this.#flags.get(key) ?? 0) & succeeded) !== 0;
  }
  /** It succeeded at another router. */
  learn(key: string): void {
    const had = this.#flags.get(key) ?? 0;
    if (had !== 0 || this.#flags.size < mostKeys) this.#flags.set(key, had | succeeded);
  }
  note(key: string, arm: Arm, success: boolean, failed: boolean): KeyNews {
    const before = this.#flags.get(key);
    if (before === undefined && this.#flags.size >= mostKeys) return noNews;
    const had = before ?? 0;
    const other = arm === 'control' ? 'experiment' : 'control';
    const news = {
      first: (had & seenIn[arm]) === 0,
      firstSuccess: success && (had & succeeded) === 0,
      firstFailure: failed && (had & failedIn[arm]) === 0,
      switched: (had & seenIn[arm]) === 0 && (had & seenIn[other]) !== 0,
    };
    this.#flags.set(key, had | seenIn[arm] | (success ? succeeded : 0) | (failed ? failedIn[arm] : 0));
    return news;
  }
}

import { type AnswerClass, classOfStatus } from '@haldane/core';
import type { Observer } from './observer.ts';
import type { RunLedger } from './run-ledger.ts';

export type ShieldedUserOptions = {
  readonly ledger: RunLedger;
  readonly key: string;
  /** What is left of the limit: an answer after it came too late for the user, whoever gave it. */
  readonly leftMs: number;
  /** Told the class of production's answer, as soon as it is known; null when there was none. */
  readonly decided: (answer: AnswerClass | null) => void;
};

/**
 * The user whom production answers because an arm failed. The unit of the budget that was reserved when he entered the arm is spent only
 * if what he gets in the end is a failure after all: production's, or an answer that comes too late.
 */
export class ShieldedUser implements Observer {
  readonly #options: ShieldedUserOptions;
  readonly #timer: NodeJS.Timeout;
  #settled = false;
  #decided = false;

  constructor(options: ShieldedUserOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#settle(true), Math.max(0, options.leftMs));
  }
  answered(status: number, location: string | undefined): void {
    const answer = classOfStatus(status, location);
    this.#decide(answer);
    if (answer === 'server-error') this.#settle(true);
  }
  opened(): void {}
  finished(): void {
    this.#settle(false);
  }
  broken(): void {
    this.#decide(null);
    this.#settle(true);
  }
  malformed(): void {
    this.#decide(null);
    this.#settle(false);
  }
  #decide(answer: AnswerClass | null): void {
    if (this.#decided) return;
    this.#decided = true;
    this.#options.decided(answer);
  }
  #settle(harmed: boolean): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#options.ledger.settleUser(this.#options.key, harmed);
  }
}

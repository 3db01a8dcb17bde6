import { type AnswerClass, type ClusterRole, classOfStatus } from '@haldane/core';
import type { RouterTime } from '../time.ts';
import type { RunLedger } from './run-ledger.ts';

/** Told what becomes of a request. Each request ends with exactly one of `finished`, `broken` or `malformed`. */
export interface Observer {
  /** The status line of the answer is known. */
  answered(status: number, location: string | undefined): void;
  /** An upgrade was agreed to: what follows has no latency. */
  opened(): void;
  /** The last byte was handed to the client. */
  finished(): void;
  /** No whole answer reached the client. */
  broken(): void;
  /** The client's request could not be sent on as it was; nobody else's failure. */
  malformed(): void;
}

export type RealRequestOptions = {
  readonly ledger: RunLedger;
  readonly role: ClusterRole;
  readonly key: string | null;
  /** Slower than this is a failure, counted as soon as it is late. Null: no limit. */
  readonly limitMs: number | null;
  readonly time: RouterTime;
};

/** Follows one real request to the one moment in which its outcome is decided, and tells the run's ledger then. */
export class RealRequest implements Observer {
  readonly #options: RealRequestOptions;
  readonly #began: number;
  #timer: NodeJS.Timeout | null = null;
  #settled = false;
  #answer: AnswerClass | null = null;
  #openedAfter: number | null = null;

  constructor(options: RealRequestOptions) {
    this.#options = options;
    this.#began = options.time.monotonic();
    if (options.limitMs !== null) this.#timer = setTimeout(() => this.#settle('broken', true, options.limitMs), options.limitMs);
  }
  answered(status: number, location: string | undefined): void {
    const answer = classOfStatus(status, location);
    this.#answer = answer;
    if (answer === 'server-error' || this.#isNewDenial(answer)) this.#settle(answer, true, this.#elapsed());
  }
  opened(): void {
    this.#openedAfter = this.#elapsed();
    if (this.#timer) clearTimeout(this.#timer);
  }
  finished(): void {
    this.#settle(this.#answer ?? 'broken', this.#answer === null, this.#openedAfter ?? this.#elapsed());
  }
  broken(): void {
    this.#settle('broken', true, null);
  }
  malformed(): void {
    this.#settle('client-error', false, null);
  }

  /** A denial hurts only those who were let in before: a stranger's 401 is an answer. */
  #isNewDenial(answer: AnswerClass): boolean {
    if (answer !== 'unauthorised' && answer !== 'forbidden' && answer !== 'login-redirect') return false;
    return this.#options.key !== null && this.#options.ledger.keys.hasSucceeded(this.#options.key);
  }
  #elapsed(): number {
    return this.#options.time.monotonic() - this.#began;
  }
  #settle(answer: AnswerClass, failed: boolean, latencyMs: number | null): void {
    if (this.#settled) return;
    this.#settled = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#options.ledger.settle({ role: this.#options.role, answer, failed, latencyMs, key: this.#options.key });
  }
}

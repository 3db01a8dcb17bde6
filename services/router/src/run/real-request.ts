import { type AnswerClass, classOfStatus, HaldaneError } from '@haldane/core';
import type { RouterTime } from '../time.ts';
import type { Late, Wait } from './deadlines.ts';
import type { Observer } from './observer.ts';
import type { Outcome, RunLedger, Whose } from './run-ledger.ts';
import { ShieldedUser } from './shielded-user.ts';

export type RealRequestOptions = {
  readonly ledger: RunLedger;
  /** Where it went, and for an arm its user's hash, by which it was admitted. */
  readonly whose: Whose;
  /** Slower than this is a failure, counted in an arm as soon as it is late, at production when it ends. Null: no limit. */
  readonly limitMs: number | null;
  readonly time: RouterTime;
  /** When it came, by running time. */
  readonly began: number;
  /** A copy harms nobody, so it holds no unit of the budget. Default false. */
  readonly copy?: boolean;
  /** It repeats an earlier request, so it is charged like any other but is no new piece of evidence. Default false. */
  readonly again?: boolean;
};

/** Follows one real request to the one moment in which its outcome is decided, and tells the run's ledger then. */
export class RealRequest implements Observer, Late {
  readonly #options: RealRequestOptions;
  /** The trace in which the arm was asked; null until it was. */
  traceId: string | null = null;
  readonly #began: number;
  #waiting: Wait | null = null;
  #settled = false;
  #answer: AnswerClass | null = null;
  #openedAfter: number | null = null;
  #instance: number | null = null;

  constructor(options: RealRequestOptions) {
    this.#options = options;
    this.#began = options.began;
    // No budget waits for production, so its lateness is counted when it ends: a place in a queue for each of its requests would cost all users.
    if (options.limitMs !== null && options.whose.role !== 'production')
      this.#waiting = options.ledger.deadlines.wait(options.limitMs, this);
  }
  sentTo(instance: number): void {
    this.#instance = instance;
  }
  answered(status: number, location: string | undefined): void {
    const answer = classOfStatus(status, location);
    this.#answer = answer;
    if (answer === 'server-error' || this.#isNewDenial(answer)) this.#settle(answer, true, this.#elapsed());
  }
  opened(): void {
    this.#openedAfter = this.#elapsed();
    this.#waiting?.leave();
  }
  late(): void {
    this.#settle('broken', true, this.#options.limitMs);
  }
  finished(): void {
    const elapsed = this.#openedAfter ?? this.#elapsed();
    if (this.#openedAfter === null && elapsed > (this.#options.limitMs ?? Number.POSITIVE_INFINITY)) this.late();
    this.#settle(this.#answer ?? 'broken', this.#answer === null, elapsed);
  }
  broken(): void {
    this.#settle('broken', true, null);
  }
  malformed(): void {
    this.#settle('client-error', false, null);
  }
  /**
   * Production answers in the arm's place. What the arm did counts as evidence, and is a failure; a denial of a key that this run has not
   * seen let in is one only if production lets it in. Gives back who sees what the user gets, and holds the unit of the budget until then.
   */
  shielded(answer: AnswerClass): Observer {
    const { ledger, whose, limitMs } = this.#options;
    if (whose.role === 'production') throw new HaldaneError('internal', 'production has nobody who answers in its place');
    const undecided = isDenial(answer) && !this.#isNewDenial(answer);
    const latencyMs = answer === 'broken' ? null : this.#elapsed();
    const settle = (failed: boolean) => this.#settle(answer, failed, latencyMs, 'shielded');
    if (!undecided) settle(true);
    return new ShieldedUser({
      ledger,
      key: whose.key,
      leftMs: (limitMs ?? 0) - this.#elapsed(),
      decided: (instead) => settle(instead === 'success'),
    });
  }

  /** A denial hurts only those who were let in before: a stranger's 401 is an answer. */
  #isNewDenial(answer: AnswerClass): boolean {
    const { whose, ledger } = this.#options;
    return isDenial(answer) && whose.role !== 'production' && ledger.keys.hasSucceeded(whose.key);
  }
  #elapsed(): number {
    return this.#options.time.monotonic() - this.#began;
  }
  #settle(
    answer: AnswerClass,
    failed: boolean,
    latencyMs: number | null,
    seenBy: Outcome['seenBy'] = this.#options.copy === true ? 'nobody' : 'user',
  ): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#waiting?.leave();
    const { whose, ledger, again = false } = this.#options;
    ledger.settle({ whose, answer, failed, latencyMs, seenBy, traceId: this.traceId, instance: this.#instance, again });
  }
}

function isDenial(answer: AnswerClass): boolean {
  return answer === 'unauthorised' || answer === 'forbidden' || answer === 'login-redirect';
}

import { setMaxListeners } from 'node:events';
import {
  type Accept,
  type Answer,
  type Arm,
  type Clock,
  type Feature,
  HaldaneError,
  type ProbePlan,
  type ProbeSecond,
  type ProbeSession,
  type ProbeStream,
  type Reach,
  type SyntheticRequest,
} from '@haldane/core';
import { featuresOf } from './answer-features.ts';
import { classOf, outcomeOf, type RawAnswer } from './classify-answer.ts';
import type { Credentials } from './credentials.ts';
import type { Forger } from './forger.ts';
import type { JkuListener } from './jku-listener.ts';
import { type Due, Lanes } from './lanes.ts';
import { SecondBook } from './second-book.ts';
import { Sender } from './sender.ts';

const answerTimeoutMs = 10_000;
/** A confirmation is waited for by whoever decides: control answers soon, or counts as one that did not. */
const confirmTimeoutMs = 2_000;
/** What is in flight at the end may take so long; afterwards it is dropped, uncounted. */
const lastAnswersMs = 1_000;
const idleMs = 1_000;

export type SessionParts = {
  readonly plan: ProbePlan;
  readonly reach: Readonly<Record<Arm, Reach>>;
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly forger: Forger;
  readonly jku: JkuListener | null;
  readonly canaries: readonly string[];
};

/** Streams over HTTP. See `ProbeSession` for what holds. */
export class HttpSession implements ProbeSession {
  readonly #parts: SessionParts;
  readonly #lanes: Lanes;
  readonly #book: SecondBook;
  readonly #senders: Readonly<Record<Arm, Sender>>;
  readonly #flying = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  readonly #loop: Promise<void>;
  #wake = new AbortController();
  #accepts: Promise<Accept>[] = [];
  #stopping: Promise<void> | null = null;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#lanes = new Lanes(parts.plan);
    this.#book = new SecondBook(parts.clock.now());
    this.#senders = { control: new Sender(parts.reach.control, parts.clock), experiment: new Sender(parts.reach.experiment, parts.clock) };
    // Every request in flight listens to the end.
    setMaxListeners(0, this.#ended.signal);
    this.#loop = this.#run();
  }

  flow(arm: Arm, kinds: readonly ProbeStream['kind'][]): void {
    this.#lanes.flow(arm, kinds, this.#parts.clock.now());
    this.#wake.abort();
  }

  drain(): readonly ProbeSecond[] {
    return this.#book.drain(this.#parts.clock.now());
  }

  accepts(): Promise<readonly Accept[]> {
    const found = this.#accepts;
    this.#accepts = [];
    return Promise.all(found);
  }

  features(since: number): readonly Feature[] {
    const second = Math.floor(since / 1000);
    const hits = this.#parts.jku?.hits(second) ?? { control: 0, experiment: 0 };
    const followed: readonly Feature[] =
      hits.control + hits.experiment > 0
        ? [{ kind: 'error', name: 'hostile: the key set named in a token (jku) was fetched', ...hits }]
        : [];
    return [...this.#book.features(second), ...followed];
  }

  async once(request: SyntheticRequest, arm: Arm, signal: AbortSignal): Promise<Answer> {
    if (this.#stopping) throw new HaldaneError('unavailable', `the request "${request.name}" cannot be sent: the streams have ended`);
    const credential = this.#valid(request);
    if (credential === undefined)
      throw new HaldaneError(
        'unavailable',
        `the request "${request.name}" cannot be sent: the identity "${request.as ?? ''}" has no valid credential now`,
      );
    const began = this.#parts.clock.now();
    const raw = await this.#senders[arm].send(request, credential, answerTimeoutMs, signal);
    return this.#answer({ kind: 'legitimate', request, forgery: null }, raw, began);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#wake.abort();
    await this.#loop;
    const landed = Promise.all([...this.#flying, ...this.#accepts]);
    const waited = new AbortController();
    await Promise.race([landed, this.#parts.clock.sleep(lastAnswersMs, waited.signal).catch(() => {})]);
    waited.abort(new Error('landed'));
    this.#ended.abort(new Error('the streams have ended'));
    await landed;
    await this.#parts.credentials.settled();
    await Promise.all([this.#senders.control.close(), this.#senders.experiment.close()]);
    await this.#parts.jku?.close();
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    while (this.#stopping === null) {
      for (const due of this.#lanes.due(clock.now())) {
        const flight = this.#send(due).finally(() => this.#flying.delete(flight));
        this.#flying.add(flight);
      }
      const wait = Math.min(Math.max((this.#lanes.nextAt() ?? Number.POSITIVE_INFINITY) - clock.now(), 1), idleMs);
      await clock.sleep(wait, this.#wake.signal).catch(() => {});
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
    }
  }

  /** Sends what is due and counts its answer. Never rejects. */
  async #send(due: Due): Promise<void> {
    const { clock, canaries } = this.#parts;
    const credential = due.forgery === null ? this.#valid(due.request) : this.#forged(due);
    // Without a valid credential nothing true could be learned from a refusal: what is not sent shows as missing.
    if (credential === undefined) return;
    const comparable = !due.twin && this.#lanes.inBoth(due.kind);
    const began = clock.now();
    let raw: RawAnswer | null;
    try {
      raw = await this.#senders[due.arm].send(due.request, credential, answerTimeoutMs, this.#ended.signal);
    } catch {
      return;
    }
    const now = clock.now();
    const answer = this.#answer(due, raw, began);
    this.#book.count(due.kind, due.arm, answer, now);
    if (comparable) this.#book.see(due.arm, featuresOf(due.kind, raw), now);
    if (due.kind === 'hostile' && answer.outcome === 'accepted')
      this.#accepts.push(this.#confirm(due, credential, { ...answer, at: now, arm: due.arm }, canaries));
  }

  /** Sends the identical request, with the identical credential, to control. */
  async #confirm(due: Due, credential: string | null, accept: Omit<Accept, 'confirmation'>, canaries: readonly string[]): Promise<Accept> {
    const raw = await this.#senders.control.send(due.request, credential, confirmTimeoutMs, this.#ended.signal).catch(() => null);
    return { ...accept, confirmation: raw === null ? null : outcomeOf('hostile', raw, canaries) };
  }

  #answer({ kind, request, forgery }: Pick<Due, 'kind' | 'request' | 'forgery'>, raw: RawAnswer | null, began: number): Answer {
    return {
      request: request.name,
      forgery,
      class: classOf(raw),
      outcome: outcomeOf(kind, raw, this.#parts.canaries),
      status: raw?.status ?? null,
      latencyMs: Math.max(0, Math.round(this.#parts.clock.now() - began)),
    };
  }

  /** The valid credential; null when the request carries none, undefined when there is none to carry. */
  #valid(request: SyntheticRequest): string | null | undefined {
    if (request.as === null) return null;
    return this.#parts.credentials.token(request.as) ?? undefined;
  }

  #forged(due: Due): string | null | undefined {
    if (due.forgery === 'missing' || due.request.as === null) return null;
    // Forgeries are as fresh as the token they were made from: asking for it keeps it renewed.
    if (this.#parts.credentials.token(due.request.as) === null) return undefined;
    return this.#parts.forger.credential(due.request.as, due.forgery ?? 'missing', due.arm, due.turn);
  }
}

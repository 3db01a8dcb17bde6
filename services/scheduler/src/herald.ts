import {
  type Clock,
  type Delivered,
  type Delivery,
  hasCode,
  messageOf,
  type News,
  type Notifier,
  type Outbox,
  type Untold,
} from '@haldane/core';
import { type Pauses, pauseAfter } from './pause-after.ts';

/** Whoever takes news has so long to put them into words; whoever takes a delivery, to make it. Then another may. */
const newsForMs = 60_000;
const tryForMs = 30_000;
/** How long a receiver may take to answer. */
const answerWithinMs = 15_000;
const idleMs = 1_000;
/** How long a herald that is told to end goes on telling. */
const lastWordsMs = 5_000;
const clearEveryMs = 3_600_000;
/** What was told is remembered for so long, and what nobody took is given up after it. */
const rememberedMs = 7 * 86_400_000;
/** News that cannot be put into words are tried so often, a minute apart. */
const mostTries = 10;
/** Deliveries under way at one time. */
const atOnce = 8;

/** When a delivery that failed is tried again: twice as long after each try, up to `mostMs`, until it is `forMs` old. */
export type Persistence = Pauses & { readonly forMs: number };
const persistence: Persistence = { firstMs: 2_000, mostMs: 900_000, forMs: 86_400_000 };

export type HeraldOptions = {
  readonly outbox: Outbox;
  /** Whose runs this herald tells of; null: news of no run. */
  readonly pools: readonly (string | null)[];
  /** Who can be told, by name. */
  readonly receivers: ReadonlyMap<string, Notifier>;
  /** Puts news into words, one notice for each who is to be told. */
  readonly compose: (news: News) => Promise<readonly Pick<Delivery, 'receiver' | 'notice'>[]>;
  /** Writes down that somebody was not told and will not be. */
  readonly onGivenUp: (untold: Untold) => Promise<void>;
  readonly onTrouble: (what: string, error: unknown) => void;
  readonly clock: Clock;
  /** Between 0 and 1: spreads what is tried again. */
  readonly random: () => number;
  readonly persistence?: Persistence;
};

/**
 * Tells people: takes news, puts them into words, and brings each notice to its receiver until it arrived, is refused for good, or is too
 * old. All that it knows is in the outbox, so that it may die at any moment and any number of heralds may share one: nothing is lost, and a
 * notice comes twice only when a herald died, or was cut off from the database, after the receiver had it.
 */
export class Herald {
  readonly #options: HeraldOptions;
  readonly #ending = new AbortController();
  readonly #cut = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: HeraldOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Tells what there is to tell right now, as far as that takes a few seconds, and ends. The rest waits for the next herald. */
  async stop(): Promise<void> {
    if (this.#running === null) return;
    const { clock, onTrouble } = this.#options;
    this.#ending.abort();
    const over = new AbortController();
    const limit = clock.sleep(lastWordsMs, over.signal).then(
      () => this.#cut.abort(),
      () => undefined,
    );
    await this.#running;
    await this.round().catch((error: unknown) => onTrouble('telling people for the last time', error));
    over.abort();
    await limit;
  }

  /** Puts all news into words and makes every delivery whose time has come. Returns whether there was anything to do. */
  async round(): Promise<boolean> {
    let worked = false;
    while (await this.#compose()) worked = true;
    const some = await Promise.all(Array.from({ length: atOnce }, () => this.#deliverAll()));
    return worked || some.includes(true);
  }

  async #run(): Promise<void> {
    const { clock, onTrouble, onGivenUp, outbox } = this.#options;
    const { signal } = this.#ending;
    let clearAt = clock.now();
    while (!signal.aborted) {
      let worked = false;
      try {
        worked = await this.round();
        if (clock.now() >= clearAt) {
          clearAt = clock.now() + clearEveryMs;
          for (const untold of await outbox.clear(rememberedMs)) await onGivenUp(untold);
        }
      } catch (error) {
        onTrouble('telling people', error);
      }
      if (!worked) await clock.sleep(idleMs, signal).catch(() => undefined);
    }
  }

  async #compose(): Promise<boolean> {
    const { outbox, pools, compose, onGivenUp, onTrouble } = this.#options;
    if (this.#cut.signal.aborted) return false;
    const news = await outbox.takeNews(pools, newsForMs);
    if (news === null) return false;
    try {
      await outbox.post(news, await compose(news));
    } catch (error) {
      // It is taken again in a minute; later news of its service go first when that failed some times, all others at once.
      const { id, topic, service, environment, tries } = news;
      onTrouble(`putting news into words: ${topic} of ${service}`, error);
      if (tries < mostTries) return true;
      await onGivenUp({ id, topic, service, environment, receiver: null, why: `it was tried ${tries} times: ${messageOf(error)}` });
      await outbox.post(news, []);
    }
    return true;
  }

  async #deliverAll(): Promise<boolean> {
    let worked = false;
    const names = [...this.#options.receivers.keys()];
    for (let next = await this.#take(names); next !== null; next = await this.#take(names)) {
      worked = true;
      await this.#deliver(next);
    }
    return worked;
  }

  async #take(names: readonly string[]): Promise<Delivery | null> {
    return this.#cut.signal.aborted ? null : this.#options.outbox.take(names, tryForMs);
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { outbox, receivers, onGivenUp } = this.#options;
    let became: Delivered = { state: 'delivered' };
    try {
      await receivers.get(delivery.receiver)?.deliver(delivery, AbortSignal.any([AbortSignal.timeout(answerWithinMs), this.#cut.signal]));
    } catch (error) {
      became = this.#afterFailure(delivery, error);
    }
    // Written down before it is over: whoever dies in between writes it twice, and not never.
    const { id, receiver, notice } = delivery;
    const { topic, service, environment } = notice;
    if (became.state === 'given-up') await onGivenUp({ id, topic, service, environment, receiver, why: became.why });
    await outbox.settle(delivery, became);
  }

  #afterFailure({ tries, madeAt }: Delivery, error: unknown): Delivered {
    const { clock, random } = this.#options;
    const { forMs, ...pauses } = this.#options.persistence ?? persistence;
    const why = messageOf(error);
    const forGood = hasCode(error, 'gone') || hasCode(error, 'bad-request');
    if (forGood || clock.now() - madeAt > forMs) return { state: 'given-up', why: forGood ? why : `it was tried ${tries} times: ${why}` };
    return { state: 'waiting', againMs: pauseAfter(error, tries - 1, pauses, random), why };
  }
}

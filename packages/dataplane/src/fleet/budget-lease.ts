import { type BudgetCaps, HaldaneError } from '@haldane/core';
import type { BudgetHeld, BudgetOrder, BudgetUnits } from '../wire.ts';
import { allToTheEnd } from './all-to-the-end.ts';
import { portions } from './portions.ts';

/** One router, as far as budgets go. */
export interface BudgetHolder {
  budget(runId: string, signal?: AbortSignal): Promise<BudgetHeld>;
  order(order: BudgetOrder, signal?: AbortSignal): Promise<BudgetHeld>;
}

type Dimension = keyof BudgetUnits;
/** What is known of one router. */
type Share = {
  readonly holder: BudgetHolder;
  /** Never less than what the router may hold. Null before it was first asked. */
  part: BudgetUnits | null;
  turn: number;
  life: string;
  asked: number;
  turnedAway: number;
};
type Heard = { readonly share: Share; readonly held: BudgetHeld };

/**
 * One run's budget, leased in parts to the routers of its route. At every moment, whatever is lost, late, doubled or restarted:
 *
 *   spent by lives that are gone + the sum over routers of (what the router may still spend + what it has spent) <= cap
 *
 * It holds because a router's entry here (`part`) is never less than its true part. It rises *before* the order to raise is sent, and
 * only by what no other entry holds. It falls only on the router's own answer that it gave units back, which it never does with one
 * that is spent or reserved for a request in flight. An order that went unanswered leaves the entry at the larger of both. Each carries
 * a turn and the life of the router that it is meant for, and a router ignores one that is not newer than the last it followed or not
 * meant for this life, so a late order cannot undo what was answered since.
 * A router that is not heard from has spent its part; one that was started anew has too, and begins with nothing (`burnt`).
 * Who takes over from a coordinator that is gone reads what each router holds and orders just that with a newer turn, which bars
 * whatever is still on its way from before; until all routers have answered, nothing is given out.
 */
export class BudgetLease {
  readonly #runId: string;
  readonly #shares: readonly Share[];
  #cap: BudgetUnits = { failures: 0, users: null };
  #burnt = { failures: 0, users: 0 };
  #busy: Promise<unknown> = Promise.resolve();

  constructor(runId: string, holders: readonly BudgetHolder[]) {
    this.#runId = runId;
    this.#shares = holders.map((holder) => ({ holder, part: null, turn: 0, life: '', asked: 0, turnedAway: 0 }));
  }

  /** Gives every router its part of these caps. Throws when one does not answer: nothing may be admitted before. */
  open(caps: BudgetCaps, signal?: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      this.#cap = { failures: caps.failures, users: caps.users ?? null };
      const heard = this.#shares.map((share) => (share.part === null ? this.#adopt(share, signal) : this.#ask(share, signal)));
      await this.#divide(await allToTheEnd(heard), signal);
    });
  }
  /**
   * Moves what lies idle to where requests are turned away. Routers that do not answer keep their part; they are asked again next time.
   */
  balance(signal?: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      if (this.#shares.some((share) => share.part === null)) return;
      const heard = await this.#hear(signal);
      const isWanted = heard.some(({ share, held }) => held.turnedAway > share.turnedAway);
      if (isWanted || this.#free('failures') !== 0 || (this.#cap.users !== null && this.#free('users') !== 0)) {
        // What could not be ordered now is no loss: the entries hold.
        await this.#divide(heard, signal).catch((error: unknown) => {
          if (signal?.aborted) throw error;
        });
      }
      for (const { share, held } of heard) Object.assign(share, { asked: held.asked, turnedAway: held.turnedAway });
    });
  }

  /** One after the other: an entry must not change between reading it and ordering by it. */
  #alone(work: () => Promise<void>): Promise<void> {
    const turn = this.#busy.then(work);
    this.#busy = turn.catch(() => undefined);
    return turn;
  }

  /** Takes over what a router holds, and bars orders of an earlier coordinator. */
  async #adopt(share: Share, signal?: AbortSignal): Promise<Heard> {
    const held = await share.holder.budget(this.#runId, signal);
    // How much its earlier life was given is known to nobody: it may have been all.
    if (held.lost) this.#burnt = { failures: Number.POSITIVE_INFINITY, users: Number.POSITIVE_INFINITY };
    const turn = held.turn + 1;
    const now = await share.holder.order({ runId: this.#runId, life: held.life, turn, part: held.part }, signal);
    if (now.turn !== turn || now.life !== held.life)
      throw new HaldaneError('conflict', `somebody else leases the budget of run ${this.#runId} too: one runner a run`);
    Object.assign(share, { part: now.part, turn, life: now.life, asked: now.asked, turnedAway: now.turnedAway });
    return { share, held: now };
  }

  /** Asks every router what it holds; those that answered. */
  async #hear(signal?: AbortSignal): Promise<readonly Heard[]> {
    const answers = await Promise.allSettled(this.#shares.map((share) => this.#ask(share, signal)));
    signal?.throwIfAborted();
    return answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }
  /** What one router holds, and its entry brought up to date. */
  async #ask(share: Share, signal?: AbortSignal): Promise<Heard> {
    const held = await share.holder.budget(this.#runId, signal);
    if (held.life !== share.life) this.#bury(share, held);
    if (held.turn === share.turn && held.life === share.life) return { share, held };
    // An order is on its way or was lost: a newer one, to what is there, settles which.
    return { share, held: await this.#order(share, held.part, signal) };
  }

  /** The router was started anew: what it was given is spent, for nobody knows better. */
  #bury(share: Share, held: BudgetHeld): void {
    this.#burnt.failures += share.part?.failures ?? 0;
    this.#burnt.users += share.part?.users ?? 0;
    Object.assign(share, { part: { failures: 0, users: 0 }, life: held.life, asked: 0, turnedAway: 0 });
  }

  /** Everybody's use stays; what is idle or free is divided by who asked for how much since the last time. Takes first, then gives. */
  async #divide(heard: readonly Heard[], signal?: AbortSignal): Promise<void> {
    const weights = heard.map(({ share, held }) => 1 + Math.max(0, held.asked - share.asked));
    const failures = this.#targets('failures', heard, weights);
    const users = this.#cap.users === null ? null : this.#targets('users', heard, weights);
    const targets = heard.map(({ share }, i) => ({
      share,
      want: { failures: failures[i] ?? 0, users: users === null ? null : (users[i] ?? 0) } satisfies BudgetUnits,
    }));
    const trouble: unknown[] = [];
    const order = async (share: Share, part: BudgetUnits) => {
      await this.#order(share, part, signal).catch((error: unknown) => trouble.push(error));
    };
    await Promise.all(
      targets.map(async ({ share, want }) => {
        const now = share.part as BudgetUnits;
        const part = {
          failures: Math.min(now.failures, want.failures),
          users: want.users === null ? null : Math.min(now.users ?? 0, want.users),
        };
        if (!isSame(part, now)) await order(share, part);
      }),
    );
    await Promise.all(
      targets.map(async ({ share, want }) => {
        const now = share.part as BudgetUnits;
        const more = (of: Dimension) => Math.max(0, Math.min((want[of] ?? 0) - (now[of] ?? 0), this.#free(of)));
        const part = {
          failures: now.failures + more('failures'),
          users: this.#cap.users === null ? null : (now.users ?? 0) + more('users'),
        };
        if (isSame(part, now)) return;
        // Counted as given from before it is said: the answer may get lost.
        share.part = part;
        await order(share, part);
      }),
    );
    if (trouble.length > 0) throw trouble[0];
  }

  #targets(of: Dimension, heard: readonly Heard[], weights: readonly number[]): readonly number[] {
    const used = heard.map(({ share, held }) => Math.max(0, (share.part?.[of] ?? 0) - (held.idle[of] ?? 0)));
    const pool = Math.max(0, this.#free(of) + heard.reduce((sum, { share }, i) => sum + (share.part?.[of] ?? 0) - (used[i] ?? 0), 0));
    const dealt = portions(pool, weights);
    return used.map((one, i) => one + (dealt[i] ?? 0));
  }

  /** What nobody holds. Below 0 when the cap was lowered under what is spent: then there is nothing to give. */
  #free(of: Dimension): number {
    const given = this.#shares.reduce((sum, { part }) => sum + (part?.[of] ?? 0), 0);
    const free = (this.#cap[of] ?? 0) - this.#burnt[of] - given;
    return free === Number.NEGATIVE_INFINITY ? 0 : free;
  }

  async #order(share: Share, part: BudgetUnits, signal?: AbortSignal): Promise<BudgetHeld> {
    share.turn += 1;
    const { turn } = share;
    const held = await share.holder.order({ runId: this.#runId, life: share.life, turn, part }, signal);
    if (held.life !== share.life) this.#bury(share, held);
    else if (held.turn === turn) share.part = held.part;
    return held;
  }
}

function isSame(a: BudgetUnits, b: BudgetUnits): boolean {
  return a.failures === b.failures && a.users === b.users;
}

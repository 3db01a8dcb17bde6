import type { AnyChangeKind, Clock, Fence, Journal, JournalEntry, Trace } from '@haldane/core';
import { HaldaneError, hasCode, messageOf } from '@haldane/core';
import { kindNamed } from './kind-named.ts';
import { putBack } from './put-back.ts';
import { waves } from './waves.ts';
import { ticks, within } from './within.ts';

export type RestoreOptions = {
  readonly clock: Clock;
  /** For all of it; whoever's turn comes later still gets one try. */
  readonly deadlineMs: number;
  /** Restoring's own: the runner's loss of its lease, never an abort of the run. */
  readonly signal?: AbortSignal;
  /** One try of one revert is aborted after this long. */
  readonly attemptMs?: number;
  /** Looks at every entry again this long after all is back, and puts back once more what has come again. 0: no second look. */
  readonly settleMs?: number;
  /** Sees each change undone. */
  readonly trace?: Trace;
  /** Told when each entry of a wave is either back or given up. The next wave does not wait for it. What it throws is thrown at the end. */
  readonly afterWave?: (wave: number, entries: readonly JournalEntry[]) => void;
};

/** Sentences that begin with the id of the change. `kept`: in place because something stuck stands on them. */
export type Restored = {
  readonly clean: boolean;
  readonly stuck: readonly string[];
  readonly kept: readonly string[];
  readonly superseded: readonly string[];
};

type Outcome = { readonly end: 'back' | 'stuck' | 'kept'; readonly word: string | null };

/**
 * Puts back everything that the journal of a run holds, from the journal alone. An entry is reverted as soon as nothing
 * stands on it any more, all such at once; an intended one like an applied one. What cannot be put back by the deadline is
 * marked stuck with its reason; what it stands on stays in place, and nothing else waits for it. May be called again and
 * again. Throws only when the journal cannot be read, the signal aborts, or with `lease-lost`.
 */
export async function restore(
  journal: Journal,
  kinds: readonly AnyChangeKind[],
  fence: Fence,
  runId: string,
  options: RestoreOptions,
): Promise<Restored> {
  if (fence.runId !== runId) throw new HaldaneError('internal', `the fence is of run "${fence.runId}", not of "${runId}"`);
  const { clock, settleMs = 0 } = options;
  const until = ticks(clock) + options.deadlineMs;
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const way = new WayBack(journal, kinds, fence, { ...options, until, signal, failed });

  let open: readonly JournalEntry[] = (await journal.entries(runId)).filter((entry) => entry.state !== 'reverted');
  for (;;) {
    await way.walk(open);
    if (settleMs <= 0) break;
    await clock.sleep(settleMs, signal);
    const again = await way.notGone(await journal.entries(runId));
    if (again.length === 0) break;
    open = again.map(({ entry }) => entry);
    if (ticks(clock) >= until) {
      for (const { entry, why } of again) await way.giveUp([entry], why);
      break;
    }
  }
  return way.restored();
}

type WayOptions = RestoreOptions & { readonly until: number; readonly signal: AbortSignal; readonly failed: AbortController };

/** One call of `restore`: what became of each entry so far. */
class WayBack {
  readonly #journal: Journal;
  readonly #kinds: readonly AnyChangeKind[];
  readonly #fence: Fence;
  readonly #options: WayOptions;
  readonly #outcomes = new Map<number, { readonly entry: JournalEntry; readonly outcome: Outcome }>();
  #deaf: unknown = null;

  constructor(journal: Journal, kinds: readonly AnyChangeKind[], fence: Fence, options: WayOptions) {
    this.#journal = journal;
    this.#kinds = kinds;
    this.#fence = fence;
    this.#options = options;
  }

  async walk(open: readonly JournalEntry[]): Promise<void> {
    const ordered = waves(open);
    await this.giveUp(ordered.circle, 'it stands, by way of others, on itself');
    const ends = new Map<string, Promise<Outcome>>();
    const told: Promise<void>[] = [];
    for (const [index, wave] of ordered.waves.entries()) {
      const ended = wave.map((entry) => {
        const above = open.filter((other) => other.change.standsOn.includes(entry.change.id));
        const end = this.#afterThose(
          entry,
          above.flatMap((other) => ends.get(other.change.id) ?? []),
        );
        ends.set(entry.change.id, end);
        return end;
      });
      told.push(Promise.all(ended).then(() => this.#tell(index, wave)));
    }
    try {
      await Promise.all(told);
    } catch (error) {
      // The lease is lost or the runner ends: the other reverts of this call must not go on behind its back.
      this.#options.failed.abort(error);
      await Promise.allSettled(ends.values());
      throw error;
    }
  }

  /** A listener that throws must not cut the way back short. */
  #tell(index: number, wave: readonly JournalEntry[]): void {
    try {
      this.#options.afterWave?.(index, wave);
    } catch (error) {
      this.#deaf = error;
    }
  }

  async #afterThose(entry: JournalEntry, above: readonly Promise<Outcome>[]): Promise<Outcome> {
    const unfinished = (await Promise.all(above)).some((outcome) => outcome.end !== 'back');
    const outcome: Outcome = unfinished
      ? { end: 'kept', word: `${entry.change.id}: kept, because something that stands on it could not be put back` }
      : await this.#putBack(entry);
    this.#outcomes.set(entry.seq, { entry, outcome });
    return outcome;
  }

  async #putBack(entry: JournalEntry): Promise<Outcome> {
    const { attemptMs = 10_000, signal } = this.#options;
    const { id } = entry.change;
    let why: string;
    try {
      const result = await putBack(kindNamed(this.#kinds, entry.change.kind), entry, { ...this.#options, attemptMs });
      if (result.back) {
        await this.#mark(entry, 'reverted', result.superseded === null ? null : `superseded: ${result.superseded}`);
        return { end: 'back', word: result.superseded === null ? null : `${id}: ${result.superseded}` };
      }
      why = result.why;
    } catch (error) {
      if (signal.aborted || hasCode(error, 'lease-lost')) throw error;
      why = messageOf(error);
    }
    return this.#stuck(entry, why);
  }

  async giveUp(entries: readonly JournalEntry[], why: string): Promise<void> {
    for (const entry of entries) this.#outcomes.set(entry.seq, { entry, outcome: await this.#stuck(entry, why) });
  }

  async #stuck(entry: JournalEntry, why: string): Promise<Outcome> {
    try {
      await this.#mark(entry, 'stuck', why);
      return { end: 'stuck', word: `${entry.change.id}: ${why}` };
    } catch (error) {
      if (this.#options.signal.aborted || hasCode(error, 'lease-lost')) throw error;
      return { end: 'stuck', word: `${entry.change.id}: ${why} (and the journal could not be told: ${messageOf(error)})` };
    }
  }

  /** A journal that is away for a moment must not make a thing that is back count as stuck. */
  async #mark(entry: JournalEntry, state: 'reverted' | 'stuck', note: string | null): Promise<void> {
    const { clock, until, signal } = this.#options;
    for (let pause = 50; ; pause = Math.min(pause * 2, 2000)) {
      signal.throwIfAborted();
      try {
        await this.#journal.mark(this.#fence, entry.seq, state, ...(note === null ? [] : [note]));
        return;
      } catch (error) {
        if (hasCode(error, 'lease-lost') || ticks(clock) + pause >= until) throw error;
        await clock.sleep(pause, signal);
      }
    }
  }

  /**
   * Entries that are marked reverted and yet are there (again), by a late apply of a runner that was asleep, or that cannot be looked at:
   * not known is not gone. Marked as such.
   */
  async notGone(entries: readonly JournalEntry[]): Promise<readonly { readonly entry: JournalEntry; readonly why: string }[]> {
    const { clock, signal, attemptMs = 10_000 } = this.#options;
    const looked = await Promise.all(
      entries
        .filter((entry) => entry.state === 'reverted')
        .map(async (entry) => {
          try {
            const kind = kindNamed(this.#kinds, entry.change.kind);
            const gone = await within(clock, attemptMs, `looking at "${entry.change.id}" (${entry.change.does}) again`, signal, (bounded) =>
              kind.isReverted(entry.change.params, entry.before, bounded),
            );
            return gone ? null : { entry, why: 'it came back after it had been undone' };
          } catch (error) {
            if (signal.aborted) throw error;
            return { entry, why: `whether it stayed undone could not be seen: ${messageOf(error)}` };
          }
        }),
    );
    const back = looked.filter((entry) => entry !== null);
    for (const { entry, why } of back) await this.#journal.mark(this.#fence, entry.seq, 'applied', why);
    return back;
  }

  /** Throws what a listener threw, now that everything is done. */
  restored(): Restored {
    if (this.#deaf !== null) throw this.#deaf;
    const words = (end: Outcome['end']) =>
      [...this.#outcomes.values()]
        .filter(({ outcome }) => outcome.end === end)
        .sort((a, b) => a.entry.seq - b.entry.seq)
        .flatMap(({ outcome }) => outcome.word ?? []);
    const stuck = words('stuck');
    const kept = words('kept');
    return { clean: stuck.length === 0 && kept.length === 0, stuck, kept, superseded: words('back') };
  }
}

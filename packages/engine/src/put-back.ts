import type { AnyChangeKind, Clock, JournalEntry, Trace } from '@haldane/core';
import { hasCode, messageOf, untraced } from '@haldane/core';
import { ticks, within } from './within.ts';

export type PutBackOptions = {
  readonly clock: Clock;
  /** By `ticks`: no new try begins after it. One try is always made. */
  readonly until: number;
  /** One try is aborted after this long. */
  readonly attemptMs: number;
  readonly signal: AbortSignal;
  /** Sees the change undone, and each call of its kind in it. */
  readonly trace?: Trace;
};

/** `back`: checked. `superseded`: in words, what somebody else has set since and so was kept. */
export type PutBack = { readonly back: true; readonly superseded: string | null } | { readonly back: false; readonly why: string };

/**
 * Reverts one entry and waits until it is seen to be back, trying again with growing pauses until the deadline. It is
 * reverted at least once even when it looks as if it had never happened: its apply may still be on its way.
 * Throws only when the signal aborts or the lease is lost.
 */
export function putBack(kind: AnyChangeKind, entry: JournalEntry, options: PutBackOptions): Promise<PutBack> {
  const { trace = untraced } = options;
  const { id, undo } = entry.change;
  return trace(`undo ${entry.change.kind}`, { run: entry.runId, change: id, kind: entry.change.kind, does: undo }, async (note) => {
    const result = await tried(kind, entry, { ...options, trace });
    if (!result.back) note({ error: result.why });
    else if (result.superseded !== null) note({ superseded: result.superseded });
    return result;
  });
}

async function tried(kind: AnyChangeKind, entry: JournalEntry, options: PutBackOptions & { readonly trace: Trace }): Promise<PutBack> {
  const { clock, until, attemptMs, signal, trace } = options;
  const { params, id, does } = entry.change;
  for (let pause = 20; ; pause = Math.min(pause * 2, 2000)) {
    let why: string;
    try {
      const result = await within(clock, attemptMs, `undoing "${id}" (${does})`, signal, async (bounded): Promise<PutBack> => {
        await trace(`revert ${kind.kind}`, {}, () => kind.revert(params, entry.before, bounded));
        if (!(await trace(`look ${kind.kind}`, {}, () => kind.isReverted(params, entry.before, bounded))))
          return { back: false, why: `it was undone without an error, but something of it is still there; what it did: ${does}` };
        return { back: true, superseded: (await kind.superseded?.(params, entry.before, bounded)) ?? null };
      });
      if (result.back) return result;
      why = result.why;
    } catch (error) {
      if (signal.aborted || hasCode(error, 'lease-lost')) throw error;
      why = messageOf(error);
    }
    const left = until - ticks(clock);
    if (left <= 0) return { back: false, why };
    await clock.sleep(Math.min(pause, left), signal);
  }
}

import type { AnyChangeKind, Clock, Journal, JournalEntry, Trace } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import { kindNamed } from './kind-named.ts';
import type { Hold } from './lease.ts';
import { putBack } from './put-back.ts';
import { ticks } from './within.ts';

export type UndoOptions = {
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly attemptMs?: number;
  readonly trace?: Trace;
};

/**
 * Puts one change back while the run goes on, checks it and marks it. Nothing may stand on it. Undoing what is undone
 * already is harmless. Throws `not-found`, `not-restored` past the deadline (the entry keeps its state, restoring will
 * try again), `lease-lost`.
 */
export async function undo(
  journal: Journal,
  kinds: readonly AnyChangeKind[],
  hold: Hold,
  changeId: string,
  options: UndoOptions,
): Promise<JournalEntry> {
  const { clock, deadlineMs, attemptMs = 10_000 } = options;
  const entries = await journal.entries(hold.fence.runId);
  const entry = entries.find((each) => each.change.id === changeId);
  if (!entry) throw new HaldaneError('not-found', `run "${hold.fence.runId}" has made no change "${changeId}"`);
  if (entry.state === 'reverted') return entry;
  const standing = entries
    .filter((each) => each.state !== 'reverted' && each.change.standsOn.includes(changeId))
    .map((each) => `"${each.change.id}"`);
  if (standing.length > 0)
    throw new HaldaneError('internal', `change "${changeId}" cannot be undone while ${standing.join(', ')} stand on it; undo those first`);
  if (hold.leaseLeft() <= 0)
    throw new HaldaneError('lease-lost', `run "${hold.fence.runId}": the lease has ended; nothing more may be changed`);

  const result = await putBack(kindNamed(kinds, entry.change.kind), entry, { ...options, until: ticks(clock) + deadlineMs, attemptMs });
  if (!result.back)
    throw new HaldaneError('not-restored', `change "${changeId}" could not be undone within ${deadlineMs} ms: ${result.why}`);
  const note = result.superseded === null ? null : `superseded: ${result.superseded}`;
  await journal.mark(hold.fence, entry.seq, 'reverted', ...(note === null ? [] : [note]));
  return { ...entry, state: 'reverted', note };
}

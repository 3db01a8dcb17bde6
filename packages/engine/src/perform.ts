import type { AnyChangeKind, Change, Clock, Journal, JournalEntry, Trace } from '@haldane/core';
import { HaldaneError, hasCode, untraced } from '@haldane/core';
import { kindNamed } from './kind-named.ts';
import type { Hold } from './lease.ts';
import { ticks, within } from './within.ts';

export type PerformOptions = {
  /** One try of an apply is aborted after this long; a rescuer waits as long beyond the lease before it reverts. */
  readonly applyTimeoutMs: number;
  /**
   * Where the world is slow to take a change, an apply that was throttled, not answered or not done in time is tried again for so long.
   * Each try begins only with a lease to outlast it, so leases nest however long all of them take. Default 0: one try.
   */
  readonly patienceMs?: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Sees the change made, and each call of its kind in it. */
  readonly trace?: Trace;
};

/**
 * Makes one change. The order is the law: capture the state before, commit it to the journal, apply, mark. Whatever goes
 * wrong after `intend`, the way back is on disk. Performing a change again that was intended applies it with the state
 * captured the first time; one that is applied is left alone; one that was reverted cannot come back under its old id.
 */
export function perform(
  journal: Journal,
  kinds: readonly AnyChangeKind[],
  hold: Hold,
  change: Change,
  options: PerformOptions,
): Promise<JournalEntry> {
  const { trace = untraced } = options;
  const facts = { run: hold.fence.runId, change: change.id, kind: change.kind, does: change.does };
  return trace(`make ${change.kind}`, facts, () => made(journal, kinds, hold, change, { ...options, trace }));
}

async function made(
  journal: Journal,
  kinds: readonly AnyChangeKind[],
  hold: Hold,
  change: Change,
  options: PerformOptions & { readonly trace: Trace },
): Promise<JournalEntry> {
  const { applyTimeoutMs, patienceMs = 0, clock, signal, trace } = options;
  const kind = kindNamed(kinds, change.kind);
  const entries = await journal.entries(hold.fence.runId);
  const standing = entries.find((entry) => entry.change.id === change.id);
  if (standing?.state === 'applied') return standing;
  refuseToReturn(standing);
  refuseWithoutGround(change, entries);

  const capture = () =>
    trace(`capture ${change.kind}`, {}, () =>
      within(clock, applyTimeoutMs, `reading the state before "${change.id}"`, signal, (bounded) => kind.capture(change.params, bounded)),
    );
  const before = standing ? standing.before : await capture();
  signal.throwIfAborted();
  const entry = await journal.intend(hold.fence, change, before);
  const until = ticks(clock) + patienceMs;
  for (let pause = 250; ; pause = Math.min(pause * 2, 5_000)) {
    await untilLeaseOutlasts(hold, applyTimeoutMs, clock, signal);
    try {
      await trace(`apply ${change.kind}`, {}, () =>
        within(clock, applyTimeoutMs, `making "${change.id}"`, signal, (bounded) => kind.apply(entry.change.params, entry.before, bounded)),
      );
      break;
    } catch (error) {
      const passes = hasCode(error, 'unavailable') || hasCode(error, 'throttled');
      if (signal.aborted || !passes || ticks(clock) + pause > until) throw error;
      await clock.sleep(pause, signal);
    }
  }
  await journal.mark(hold.fence, entry.seq, 'applied');
  return { ...entry, state: 'applied', note: null };
}

function refuseToReturn(standing: JournalEntry | undefined): void {
  if (standing?.state !== 'reverted' && standing?.state !== 'stuck') return;
  throw new HaldaneError(
    'internal',
    `change "${standing.change.id}" is ${standing.state} already in this run; make it again under another id`,
  );
}

/** A change whose ground is not in place would be reverted in the wrong order. */
function refuseWithoutGround(change: Change, entries: readonly JournalEntry[]): void {
  const applied = new Set(entries.filter((entry) => entry.state === 'applied').map((entry) => entry.change.id));
  const missing = change.standsOn.filter((id) => !applied.has(id));
  if (missing.length > 0)
    throw new HaldaneError(
      'internal',
      `change "${change.id}" stands on ${missing.map((id) => `"${id}"`).join(', ')}, which this run has not in place; make that first`,
    );
}

/**
 * Law 3: an apply starts only if the lease outlasts its time-out. When too little is left, the next heartbeat may bring
 * more, so this waits for as long as the lease lasts; then it throws `lease-lost`.
 */
async function untilLeaseOutlasts(hold: Hold, applyTimeoutMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const patience = ticks(clock) + hold.leaseLeft();
  for (;;) {
    signal.throwIfAborted();
    const left = hold.leaseLeft();
    if (left > applyTimeoutMs) return;
    if (left <= 0) throw new HaldaneError('lease-lost', `run "${hold.fence.runId}": the lease has ended; nothing more may be changed`);
    if (ticks(clock) >= patience) {
      throw new HaldaneError(
        'internal',
        `applyTimeoutMs is ${applyTimeoutMs}, but the lease never lasts longer than that (${left} ms left); make the lease longer, or the time-out or renewEveryMs shorter`,
      );
    }
    await clock.sleep(Math.max(10, Math.min(100, left)), signal);
  }
}

import type { Change, EntryState, Fence, Journal, JournalEntry, Json } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import type { MemoryTables } from './memory-tables.ts';
import { heldRow, stored } from './memory-tables.ts';

/** The journal in memory, fenced like a real one. */
export class MemoryJournal implements Journal {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  async intend(fence: Fence, change: Change, before: Json): Promise<JournalEntry> {
    const { journal } = heldRow(this.#tables, fence);
    const standing = journal.find((entry) => entry.change.id === change.id);
    if (standing) return stored(standing);
    const entry: JournalEntry = {
      runId: fence.runId,
      seq: journal.length + 1,
      change: stored(change),
      before: stored(before),
      state: 'intended',
      note: null,
    };
    journal.push(entry);
    return stored(entry);
  }

  async mark(fence: Fence, seq: number, state: EntryState, note?: string): Promise<void> {
    const { journal } = heldRow(this.#tables, fence);
    const entry = journal[seq - 1];
    if (!entry) throw new HaldaneError('not-found', `run "${fence.runId}" has no journal entry ${seq}`);
    journal[seq - 1] = { ...entry, state, note: note ?? null };
  }

  async entries(runId: string): Promise<readonly JournalEntry[]> {
    return stored(this.#tables.rows.get(runId)?.journal ?? []);
  }
}

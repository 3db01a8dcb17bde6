import type { Clock, EvidenceStore, Journal, RunStore } from '@haldane/core';
import { MemoryEvidenceStore } from './memory-evidence-store.ts';
import { MemoryJournal } from './memory-journal.ts';
import { MemoryRunStore } from './memory-run-store.ts';
import type { MemoryTables } from './memory-tables.ts';

export type Stores = { readonly runs: RunStore; readonly journal: Journal; readonly evidence: EvidenceStore };

/** The three stores over one set of tables, as one database would hold them. `clock` plays the database's clock. */
export function memoryStores(clock: Clock): Stores {
  const tables: MemoryTables = { clock, rows: new Map() };
  return { runs: new MemoryRunStore(tables), journal: new MemoryJournal(tables), evidence: new MemoryEvidenceStore(tables) };
}

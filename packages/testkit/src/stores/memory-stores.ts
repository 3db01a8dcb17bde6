import type { Clock, EvidenceStore, Journal, Outbox, RunStore } from '@haldane/core';
import { MemoryEvidenceStore } from './memory-evidence-store.ts';
import { MemoryJournal } from './memory-journal.ts';
import { MemoryOutbox } from './memory-outbox.ts';
import { MemoryRunStore } from './memory-run-store.ts';
import type { MemoryTables } from './memory-tables.ts';

export type Stores = {
  readonly runs: RunStore;
  readonly journal: Journal;
  readonly evidence: EvidenceStore;
  readonly outbox: Outbox;
};

export type MemoryStores = Stores & {
  /** The same rows once more, on another clock: what happens to the one does not happen to the other. */
  copy(clock: Clock): MemoryStores;
};

/** The stores over one set of tables, as one database would hold them. `clock` plays the database's clock. */
export function memoryStores(clock: Clock): MemoryStores {
  return over({ clock, rows: new Map(), forestalled: new Map(), news: [], deliveries: [] });
}

function over(tables: MemoryTables): MemoryStores {
  return {
    runs: new MemoryRunStore(tables),
    journal: new MemoryJournal(tables),
    evidence: new MemoryEvidenceStore(tables),
    outbox: new MemoryOutbox(tables),
    copy: (clock) => {
      const { rows, news, deliveries } = tables;
      return over({ clock, forestalled: new Map(tables.forestalled), ...structuredClone({ rows, news, deliveries }) });
    },
  };
}

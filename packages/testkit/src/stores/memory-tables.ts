import type { Clock, Delivered, Delivery, Evidence, Fence, JournalEntry, News, Run, RunEvent } from '@haldane/core';
import { HaldaneError } from '@haldane/core';

export type RunRow = {
  run: Run;
  readonly key: string | null;
  readonly pool: string | null;
  /** How long it goes on while nobody asks after it, and until when it does; null when nobody need ask. */
  readonly unattendedMs: number | null;
  attendedUntil: number;
  /** Put off until then, and how often. */
  notBefore: number;
  putOff: number;
  /** Null when nobody holds it. */
  runner: string | null;
  /** Of the newest claim; 0 before the first. */
  fence: number;
  leaseEnd: number;
  readonly events: RunEvent[];
  readonly journal: JournalEntry[];
  readonly evidence: Partial<Evidence>[];
};

export type NewsRow = {
  readonly news: News;
  readonly once: string;
  readonly pool: string | null;
  takenUntil: number;
  tries: number;
  told: boolean;
};
export type DeliveryRow = { delivery: Delivery; state: Delivered['state']; notBefore: number };

/** What a database would hold. The memory stores are views of it; `clock` plays the database's clock. */
export type MemoryTables = {
  readonly clock: Clock;
  readonly rows: Map<string, RunRow>;
  /** Why a run is not to begin, by its key and who creates it, as JSON. */
  readonly forestalled: Map<string, string>;
  readonly news: NewsRow[];
  readonly deliveries: DeliveryRow[];
};

/** The row of a run; throws `not-found`. */
export function rowOf(tables: MemoryTables, runId: string): RunRow {
  const row = tables.rows.get(runId);
  if (!row) throw new HaldaneError('not-found', `there is no run "${runId}"`);
  return row;
}

/** The row, if this fence may write to it right now; throws `lease-lost` otherwise. */
export function heldRow(tables: MemoryTables, fence: Fence): RunRow {
  const row = rowOf(tables, fence.runId);
  if (row.runner === null || row.fence !== fence.fence) {
    throw new HaldaneError('lease-lost', `run "${fence.runId}": claim ${fence.fence} is not the one that holds it (${row.fence})`);
  }
  if (row.leaseEnd <= tables.clock.now())
    throw new HaldaneError('lease-lost', `run "${fence.runId}": the lease of claim ${fence.fence} has ended`);
  return row;
}

/** What a value is after a trip through a JSON column: a copy that nobody else can change. */
export const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

import type { Evidence, EvidenceStore, Fence } from '@haldane/core';
import type { MemoryTables } from './memory-tables.ts';
import { heldRow, stored } from './memory-tables.ts';

/** Evidence in memory: append only, fenced. */
export class MemoryEvidenceStore implements EvidenceStore {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  async append(fence: Fence, part: Partial<Evidence>): Promise<void> {
    heldRow(this.#tables, fence).evidence.push(stored(part));
  }

  async read(runId: string): Promise<Evidence> {
    const parts = stored(this.#tables.rows.get(runId)?.evidence ?? []);
    return {
      blocks: parts.flatMap((part) => part.blocks ?? []),
      checks: parts.flatMap((part) => part.checks ?? []),
      accepts: parts.flatMap((part) => part.accepts ?? []),
      alerts: parts.flatMap((part) => part.alerts ?? []),
      features: parts.flatMap((part) => part.features ?? []),
      marks: parts.flatMap((part) => part.marks ?? []),
      // The moment it was *first* seen: a later word does not move it.
      effectAt: parts.find((part) => typeof part.effectAt === 'number')?.effectAt ?? null,
      instances: parts.findLast((part) => part.instances !== undefined)?.instances ?? { control: [], experiment: [] },
    };
  }
}

import type { Facts, Phase, Run, RunEvent, Stop } from '@haldane/core';
import type { Selectable } from 'kysely';
import type { EventsTable, RunsTable } from '../database.ts';

/** A row as the run it stands for. */
export function runOf(row: Selectable<RunsTable>): Run {
  return {
    id: row.id,
    service: row.service,
    environment: row.environment,
    experiment: row.experiment as unknown as Run['experiment'],
    phase: row.phase as Phase,
    stop: row.stop as unknown as Stop | null,
    abortAsked: row.abort_asked,
    ...(row.abort_reason === 'halted' ? { abortReason: 'halted' as const } : {}),
    facts: row.facts as unknown as Facts,
    version: row.version,
    createdAt: row.created_at.getTime(),
  };
}

/** A row as the event it stands for. */
export function eventOf(row: Selectable<EventsTable>): RunEvent {
  return { runId: row.run_id, seq: row.seq, at: row.at.getTime(), type: row.type as RunEvent['type'], data: row.data };
}

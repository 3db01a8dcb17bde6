import { type Fence, HaldaneError } from '@haldane/core';
import { type RawBuilder, sql } from 'kysely';
import type { Database } from './database.ts';

/** Whether a claim on a run is current, besides its fence. */
export const isHeld = 'runs.holder is not null and runs.lease_until > clock_timestamp()';

/**
 * The condition under which a write for a run is allowed: the fence is current and the lease has not ended, by the
 * database's clock at the moment of the check (`now()` would be the start of a transaction that may have waited for a lock).
 */
export function held(fence: Fence): RawBuilder<boolean> {
  return sql<boolean>`runs.id = ${fence.runId} and runs.fence = ${fence.fence} and ${sql.raw(isHeld)}`;
}

/** Why a fenced write touched no row: always throws `not-found`, `lease-lost`, or, when a version was expected, `conflict`. */
export async function refusedWrite(db: Database, fence: Fence, version?: number): Promise<never> {
  const row = await db
    .selectFrom('runs')
    .select(['version', 'phase', held(fence).as('held')])
    .where('id', '=', fence.runId)
    .executeTakeFirst();
  if (!row) throw new HaldaneError('not-found', `there is no run "${fence.runId}"`);
  if (version !== undefined && row.held) {
    throw new HaldaneError('conflict', `run "${fence.runId}" is at version ${row.version}, not ${version}: somebody moved it first`);
  }
  throw new HaldaneError(
    'lease-lost',
    `the claim ${fence.fence} on run "${fence.runId}" is no longer held; nothing more may be changed under it`,
  );
}

import type { Fence } from '@haldane/core';
import { isHeld } from '../held.ts';

/**
 * The beginning of a statement for many runs at once: what `asked` (id, fence and what else it has) may be written, as `holding`, whose rows are
 * locked. A row that somebody else has locked is passed over, so that only its own run waits for it; `waiting` waits.
 */
export function holding(asked: string, waiting: boolean): string {
  return `with asked as (${asked}),
    holding as (
      select asked.* from asked join runs on runs.id = asked.id
      where runs.fence = asked.fence and ${isHeld}
      order by runs.id for no key update of runs${waiting ? '' : ' skip locked'}
    )`;
}

/** Claims by what tells them apart. */
export const claimKey = ({ runId, fence }: Fence): string => `${runId} ${fence}`;

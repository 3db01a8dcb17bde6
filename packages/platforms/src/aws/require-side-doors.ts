import { HaldaneError } from '@haldane/core';
import type { SideDoors } from './side-doors.ts';

/** Those that are configured here; throws `refused` in a Haldane that knows none. */
export function requireSideDoors(sideDoors: SideDoors | null, route: string): SideDoors {
  if (sideDoors !== null) return sideDoors;
  throw new HaldaneError('refused', `the run uses the side door of ${route}, and none is configured here: set HALDANE_AWS_SIDE_DOORS`);
}

import type { Clock } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import type { Layout } from './layout.ts';

/** What everything on this platform works with. */
export type LocalWorld = {
  readonly layout: Layout;
  readonly dataplane: Dataplane;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** What every instance's environment begins with, before the recipe's own: nothing else of Haldane's reaches it. */
  readonly basics: Readonly<Record<string, string>>;
  /** Until when an effect of this run may last that is made now (epoch ms): what the run was last renewed to, or a short first lease. */
  leaseFor(runId: string): number;
};

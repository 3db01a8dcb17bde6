import type { Advice } from '@haldane/core';

/** Instances that are read more seldom are refused. */
export const seldomMs = 15_000;
/** Until a reading is stored and looked at. */
const toldWithinMs = 2_500;

/** What it does to detection and budget that counters are read only so often. `knowsStarts`: it is seen when an instance begins anew. */
export function granularity(everyMs: number, armsPerSecond: number | null, knowsStarts: boolean): Advice {
  // A second is told once each instance was read after it: up to a turn after it was counted, which is up to a turn after it happened.
  const late = Math.ceil((2 * everyMs + toldWithinMs) / 1000);
  const more =
    armsPerSecond === null ? 'all requests of both arms in that time' : `about ${Math.ceil(armsPerSecond * late)} requests of both arms`;
  const every = `Prometheus reads instances every ${Number((everyMs / 1000).toPrecision(2))} s`;
  const faster =
    everyMs > 2_000 ? 'Read them each second for the time of a run (scrape_interval: 1s), or put routers of Haldane before the arms. ' : '';
  return {
    caps: [
      {
        name: 'failures of real users, both arms together',
        enforcedBy: `the runner, once it is told: ${every}, so a failure is known up to ${late} s late, and ${more} may fail beyond the cap`,
      },
      { name: 'distinct users who see a failure', enforcedBy: 'nobody: counters know nobody’s key' },
      { name: 'a request slower than', enforcedBy: 'nobody: these counters do not tell how long an answer took' },
    ],
    notes: [
      `${every}: what happens is known up to ${late} s later. ${faster}Counters know nobody's key: the unit of the comparison is the request, and a denial counts as none of its failures.`,
      'What an instance answered after its last reading and before it ended, nobody has read: such failures are charged to no budget.',
      ...(knowsStarts
        ? []
        : [
            'No instance tells when it began, so one that begins anew is only noticed when a counter is smaller than before: export process_start_time_seconds, or set HALDANE_PROMETHEUS_STARTED.',
          ]),
    ],
    // A tenth: readings are a little late now and then.
    refusals:
      everyMs > seldomMs * 1.1
        ? [
            `${every}: too seldom to tell a slow reading from a silence; set scrape_interval to ${seldomMs / 1000}s or less, 1s for the time of a run`,
          ]
        : [],
  };
}

import type { Advice, ExperimentSpec } from '@haldane/core';
import { minuteSeconds } from './minutes.ts';

/** CloudWatch is not asked more often: each metric that is asked for costs. Seconds. */
export const pollSeconds = 10;
/** Fewer whole minutes show nothing that a comparison could stand on. */
const leastBaselineSeconds = 2 * minuteSeconds;

const rounded = (seconds: number) => `${Math.ceil(seconds / minuteSeconds)}m`;

/** What it does to detection and budget that a balancer's minutes are told so late, and why not when nothing would be told in time. */
export function lateness(
  {
    lateSeconds,
    settleSeconds,
    stillSeconds,
  }: { readonly lateSeconds: number; readonly settleSeconds: number; readonly stillSeconds: number },
  armsPerSecond: number | null,
  { baselineSeconds, watchSeconds }: Pick<ExperimentSpec, 'baselineSeconds' | 'watchSeconds'>,
): Advice {
  const more =
    armsPerSecond === null
      ? 'all requests of both arms in that time'
      : `about ${Math.ceil(armsPerSecond * lateSeconds)} requests of both arms`;
  const every = `CloudWatch counts by whole minutes, and one counts as whole ${settleSeconds} s after its end`;
  // A minute begins with the watch at best, and is told so late: that long it takes until the watch has seen one whole.
  const leastWatch = lateSeconds + minuteSeconds;
  return {
    caps: [
      {
        name: 'failures of real users, both arms together',
        enforcedBy: `the runner, once it is told: ${every}, so a failure is known up to ${lateSeconds} s late, and ${more} may fail beyond the cap`,
      },
      { name: 'distinct users who see a failure', enforcedBy: 'nobody: a balancer’s metrics know nobody’s key' },
      { name: 'a request slower than', enforcedBy: 'nobody: these counts do not tell how long an answer took' },
    ],
    notes: [
      `${every}: what happens is known, and harm stopped, up to ${lateSeconds} s later, and of a watch of ${watchSeconds} s the last ${lateSeconds} s are only judged when it is over. Baseline, proof and end wait as long. If CloudWatch falls silent, the run ends ${stillSeconds} s after it told something last, and what failed in the ${lateSeconds - minuteSeconds + stillSeconds} s before that may be beyond the cap too. Faster: metrics: prometheus with a scrape_interval of 1s (known after 5 s), or a side door with metrics: router, which lets no failure happen beyond the budget.`,
      'A failure is an answer of 500 or above by a target, a connection that a target did not take, and a request given to a target group of which no status of a target is told. What the balancer itself answers without choosing a group (HTTPCode_ELB_*) belongs to no arm and is not counted. 401 and 403 are not told from other 4xx: a denial counts as no failure, and fewer of them show no open door.',
      "Haldane's own requests are counted by the arms' groups like users', and are taken out again by what came of them, second by second: users who were served are told too few by those of five seconds once, in the first minute that is told, and one of its own that failed at the edge of a minute may be charged to the budget.",
    ],
    refusals: [
      ...(baselineSeconds < leastBaselineSeconds
        ? [
            `baseline: ${baselineSeconds} s is shorter than two minutes of metrics: cloudwatch, which counts by the minute; write baseline: ${rounded(leastBaselineSeconds)}`,
          ]
        : []),
      ...(watchSeconds < leastWatch
        ? [
            `watch: ${watchSeconds} s is over before metrics: cloudwatch has told a minute of it (${leastWatch} s); write watch: ${rounded(leastWatch)} or more, or take metrics: prometheus`,
          ]
        : []),
    ],
  };
}

import { addTally, answerClasses, type ClusterRole, emptyTally, type Meters, type Tally } from '@haldane/core';
import type { AskCloudWatch, ByMinute, Wanted } from './ask-cloudwatch.ts';

/** CloudWatch's own granularity of these metrics, in seconds. */
export const minuteSeconds = 60;

/** What is asked of each target group. Haldane's own readings of a minute stand in this order. */
const metrics = [
  { metric: 'RequestCount', stat: 'Sum' },
  { metric: 'HTTPCode_Target_2XX_Count', stat: 'Sum' },
  { metric: 'HTTPCode_Target_3XX_Count', stat: 'Sum' },
  { metric: 'HTTPCode_Target_4XX_Count', stat: 'Sum' },
  { metric: 'HTTPCode_Target_5XX_Count', stat: 'Sum' },
  { metric: 'TargetConnectionErrorCount', stat: 'Sum' },
  // Told each minute, also without a request: without it nothing is known of the minute.
  { metric: 'HealthyHostCount', stat: 'Maximum' },
] as const;

/** What is told of a role in one minute; `unknown`: its groups of which CloudWatch knows nothing in it. */
export type RoleMinute = { readonly tally: Tally; readonly unknown: readonly string[] };
/** Each role's minutes, by the epoch second in which they begin. */
export type Minutes = (role: ClusterRole, minute: number) => RoleMinute;

/** Asks for all that a comparison needs of minutes that begin from `from` on and before `to`. */
export async function askMinutes(
  ask: AskCloudWatch,
  { balancer, groups }: Meters,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<Minutes> {
  const all = [...groups.production, ...groups.control, ...groups.experiment];
  const wanted: readonly Wanted[] = all.flatMap((group) => metrics.map((one) => ({ ...one, group })));
  const told = await ask(balancer, wanted, from, to, signal);
  const readings = new Map(all.map((group, index) => [group, told.slice(index * metrics.length, (index + 1) * metrics.length)]));
  return (role, minute) => {
    const those = groups[role].map((group) => ({ group, series: readings.get(group) ?? [] }));
    return {
      tally: those.map(({ series }) => tallyOf(series, minute)).reduce(addTally, emptyTally),
      unknown: those.filter(({ series }) => series.at(-1)?.get(minute) === undefined).map(({ group }) => group),
    };
  };
}

/**
 * One group's answers in one minute. A request that was given to the group and of which no code of a target is told was answered by nobody there: a
 * time-out, a reset, a refused connection, or a client that left. What the balancer said then stands in no metric of the group's.
 */
function tallyOf(series: readonly ByMinute[], minute: number): Tally {
  const [requests = 0, ok = 0, redirected = 0, refused = 0, failed = 0, unconnected = 0] = series.map((one) => one.get(minute) ?? 0);
  const unanswered = Math.max(0, unconnected, requests - ok - redirected - refused - failed);
  return tallyBy({ success: ok + redirected, 'client-error': refused, 'server-error': failed, broken: unanswered });
}

/** Answers as the balancer's metrics tell them apart. */
export type Told = { readonly success: number; readonly 'client-error': number; readonly 'server-error': number; readonly broken: number };

export function toldOf({ classes }: Pick<Tally, 'classes'>): Told {
  const of = (...names: readonly (typeof answerClasses)[number][]) =>
    names.reduce((sum, name) => sum + (classes[answerClasses.indexOf(name)] ?? 0), 0);
  return {
    success: of('success', 'login-redirect'),
    'client-error': of('unauthorised', 'forbidden', 'throttled', 'client-error'),
    'server-error': of('server-error'),
    broken: of('broken'),
  };
}

export function tallyBy(told: Told): Tally {
  const count = (name: string) => told[name as keyof Told] ?? 0;
  const classes = answerClasses.map(count);
  return { requests: classes.reduce((sum, one) => sum + one, 0), failures: told['server-error'] + told.broken, classes };
}

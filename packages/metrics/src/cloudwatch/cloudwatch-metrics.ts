import {
  addTally,
  type Clock,
  type ClusterRole,
  type Deployment,
  emptyTally,
  HaldaneError,
  type Meters,
  type MetricSource,
  messageOf,
  type Reading,
  type Tally,
  type TrafficBlock,
} from '@haldane/core';
import type { CountedRun, CountedSoFar } from '../counted-run.ts';
import { noBlock } from '../no-block.ts';
import type { AskCloudWatch } from './ask-cloudwatch.ts';
import { lateness, pollSeconds } from './lateness.ts';
import { askMinutes, type Minutes, minuteSeconds, tallyBy, toldOf } from './minutes.ts';
import { OwnRequests } from './own-requests.ts';

export type CloudWatchOptions = {
  readonly ask: AskCloudWatch;
  readonly runOf: (runId: string) => Promise<CountedRun>;
  readonly countedOf: (runId: string) => Promise<CountedSoFar>;
  /** By which names the balancer's metrics know the run's clusters; of a deployment, production's alone. */
  readonly metersOf: (run: string | Deployment, signal: AbortSignal) => Promise<Meters>;
  /** How long after its end a minute counts as whole: what CloudWatch publishes may still grow. Default 120. */
  readonly settleSeconds?: number;
};

/** Values of minutes that were told are looked at again for so long. */
const lookBackMinutes = 5;
/** A minute that is not whole in time gets so long more. */
const patienceSeconds = 60;
/** Over so long a plan looks whether anything is known of production. */
const planMinutes = 15;
/** After the last decision users may still be answered for so long: the slice is taken off, and what is under way ends. */
const leavingSeconds = 15;
const roles: readonly ClusterRole[] = ['production', 'control', 'experiment'];

type ByRole = Readonly<Record<ClusterRole, Tally>>;
type Standing = CountedSoFar & { readonly meters: Meters; readonly told: ReadonlyMap<number, ByRole> };

/**
 * Real traffic as an Application Load Balancer's metrics count it, by target group. A minute is told, with all of its seconds at once, when it is
 * old enough, when CloudWatch knows something of each group in it, and when of each arm it tells no fewer answers than Haldane itself was surely given
 * there; until then it is not known, and so is every minute after it. What was counted in a minute stands in its last second: the others hold
 * nothing. What was spent before follows from the stored blocks, so whoever takes a run over counts on. Values that grow after they were told
 * stand in the next minute that is.
 */
export function cloudWatchMetrics(options: CloudWatchOptions & { readonly clock: Clock }): MetricSource {
  const { ask, runOf, countedOf, metersOf, clock, settleSeconds = 120 } = options;
  const lateSeconds = minuteSeconds + settleSeconds + pollSeconds;
  const runs = new Map<string, Standing>();
  /** When AWS was asked last, and why nothing came of it; null when something did. */
  const asked = new Map<string, { readonly at: number; readonly why: string | null }>();
  const own = new Map<string, OwnRequests>();
  const ownOf = (runId: string) => {
    const known = own.get(runId) ?? new OwnRequests();
    own.set(runId, known);
    return known;
  };
  const standingOf = async (runId: string, signal: AbortSignal): Promise<Standing> =>
    runs.get(runId) ?? { ...(await countedOf(runId)), meters: await metersOf(runId, signal), told: new Map() };
  const tallies = (minutes: Minutes, runId: string, minute: number): ByRole => {
    const of = (role: ClusterRole) => {
      const { tally } = minutes(role, minute);
      return role === 'production' ? tally : ownOf(runId).takenFrom(tally, role, minute);
    };
    return { production: of('production'), control: of('control'), experiment: of('experiment') };
  };
  const whyNotWhole = (minutes: Minutes, runId: string, minute: number): string | null => {
    const when = new Date(minute * 1000).toISOString().slice(11, 16);
    const unknown = roles.flatMap((role) => minutes(role, minute).unknown);
    if (unknown.length > 0) return `CloudWatch knows nothing of ${unknown.join(', ')} in the minute of ${when}`;
    for (const arm of ['control', 'experiment'] as const) {
      const { success, 'client-error': refused } = toldOf(minutes(arm, minute).tally);
      const surely = ownOf(runId).surely(arm, minute);
      if (success + refused < surely)
        return `CloudWatch tells ${success + refused} answers of ${arm} in the minute of ${when}, and Haldane itself was given ${surely} there`;
    }
    return null;
  };

  /** Those from `first` on and before `end` that are known whole, up to the first that is not, and why that is not. */
  const wholeMinutes = (minutes: Minutes, runId: string, first: number, end: number) => {
    const whole: (readonly [number, ByRole])[] = [];
    for (let minute = first; minute < end; minute += minuteSeconds) {
      const missing = whyNotWhole(minutes, runId, minute);
      if (missing !== null) return { whole, missing };
      whole.push([minute, tallies(minutes, runId, minute)]);
    }
    return { whole, missing: null };
  };

  return {
    id: 'cloudwatch',
    isKeyless: true,
    isForUsers: true,
    lateMs: () => (lateSeconds + patienceSeconds) * 1000,
    standsBy: (second) => minuteOf(second + leavingSeconds) + minuteSeconds - 1,
    sent: (runId, seconds) => ownOf(runId).add(seconds),
    async read(runId, after, signal) {
      const at = clock.now();
      const last = asked.get(runId);
      const early: Reading<TrafficBlock> =
        last === undefined || last.why === null ? { state: 'no-data' } : { state: 'unavailable', why: last.why };
      const silent = (why: string): Reading<TrafficBlock> => {
        asked.set(runId, { at, why });
        return { state: 'unavailable', why };
      };
      if (last !== undefined && at - last.at < pollSeconds * 1000) return early;
      try {
        const so = await standingOf(runId, signal);
        runs.set(runId, so);
        const from = Math.max(after, so.at) + 1;
        const first = minuteOf(from);
        // Past this a minute is too young.
        const end = minuteOf(at / 1000 - settleSeconds);
        if (first >= end) return early;
        const minutes = await askMinutes(ask, so.meters, Math.min(first, ...so.told.keys()), end, signal);
        const { failures, creditRate } = await runOf(runId);
        const { whole, missing } = wholeMinutes(minutes, runId, first, end);
        if (whole.length === 0) return silent(missing ?? 'CloudWatch told no minute');
        const now = (minute: number) => tallies(minutes, runId, minute);
        const { points, counted } = blocksOf(whole, grownSince(so.told, now), from, so, { failures, creditRate });
        const before = [...so.told].map(([minute, tally]) => [minute, highest(tally, now(minute))] as const);
        const told = [...before, ...whole].filter(([minute]) => minute > minuteOf(counted.at) - lookBackMinutes * minuteSeconds);
        runs.set(runId, { ...so, ...counted, told: new Map(told) });
        asked.set(runId, { at, why: missing });
        return { state: 'ok', points };
      } catch (error) {
        if (signal.aborted) throw error;
        return silent(messageOf(error));
      }
    },
    leave(runId) {
      runs.delete(runId);
      asked.delete(runId);
      own.delete(runId);
    },
    async advise(deployment, armsPerSecond, signal, spec) {
      try {
        const meters = await metersOf(deployment, signal);
        const end = minuteOf(clock.now() / 1000 - settleSeconds);
        const begin = end - planMinutes * minuteSeconds;
        const minutes = await askMinutes(ask, meters, begin, end, signal);
        const looked = Array.from({ length: planMinutes }, (_, index) => minutes('production', begin + index * minuteSeconds));
        const silent = meters.groups.production.filter((group) => looked.every(({ unknown }) => unknown.includes(group)));
        if (meters.groups.production.length === 0 || silent.length > 0)
          throw new HaldaneError(
            'unavailable',
            `CloudWatch knows nothing of ${silent.join(', ') || 'any target group'} behind ${meters.balancer} in the last ${planMinutes} minutes: it tells only of a balancer that requests pass; send it some, or check HALDANE_AWS_REGION`,
          );
        return lateness({ lateSeconds, settleSeconds }, armsPerSecond, spec);
      } catch (error) {
        if (signal.aborted) throw error;
        return { caps: [], notes: [], refusals: [`metrics: cloudwatch: ${messageOf(error)}`] };
      }
    },
  };
}

/** Every second of these minutes from `from` on; what they counted stands in the last of each, and in the first of those what earlier ones have `grown` by. */
function blocksOf(
  whole: readonly (readonly [number, ByRole])[],
  grown: ByRole,
  from: number,
  before: CountedSoFar,
  { failures, creditRate }: Pick<CountedRun, 'failures' | 'creditRate'>,
): { readonly points: readonly TrafficBlock[]; readonly counted: CountedSoFar } {
  const points: TrafficBlock[] = [];
  let counted: CountedSoFar = { at: before.at, spent: before.spent, requests: before.requests };
  for (const [index, [minute, tally]] of whole.entries()) {
    const last = minute + minuteSeconds - 1;
    for (let at = Math.max(from, minute); at <= last; at += 1) {
      const real = at < last ? nothing : index === 0 ? added(tally, grown) : tally;
      const spent = counted.spent + real.control.failures + real.experiment.failures;
      const requests = counted.requests + real.control.requests + real.experiment.requests;
      counted = { at, spent, requests };
      points.push({ ...noBlock(at), real, budget: { spent, cap: failures, credit: creditRate * requests } });
    }
  }
  return { points, counted };
}

function minuteOf(second: number): number {
  return Math.floor(second / minuteSeconds) * minuteSeconds;
}

const nothing: ByRole = { production: emptyTally, control: emptyTally, experiment: emptyTally };

function byRole(of: (role: ClusterRole) => Tally): ByRole {
  return { production: of('production'), control: of('control'), experiment: of('experiment') };
}
function added(a: ByRole, b: ByRole): ByRole {
  return byRole((role) => addTally(a[role], b[role]));
}

/** By how much minutes have grown since they were told. What shrank, because more of Haldane's own is known by now, is not taken back. */
function grownSince(told: ReadonlyMap<number, ByRole>, now: (minute: number) => ByRole): ByRole {
  let sum = nothing;
  for (const [minute, before] of told) {
    const after = now(minute);
    sum = added(
      sum,
      byRole((role) => combined(after[role], before[role], (is, was) => Math.max(0, is - was))),
    );
  }
  return sum;
}
function highest(a: ByRole, b: ByRole): ByRole {
  return byRole((role) => combined(a[role], b[role], Math.max));
}
function combined(a: Tally, b: Tally, of: (a: number, b: number) => number): Tally {
  const [left, right] = [toldOf(a), toldOf(b)];
  const each = (name: keyof typeof left) => of(left[name], right[name]);
  return tallyBy({
    success: each('success'),
    'client-error': each('client-error'),
    'server-error': each('server-error'),
    broken: each('broken'),
  });
}

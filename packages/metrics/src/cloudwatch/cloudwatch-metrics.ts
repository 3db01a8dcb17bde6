import {
  type Clock,
  type ClusterRole,
  type Deployment,
  HaldaneError,
  type Meters,
  type MetricSource,
  messageOf,
  type Reading,
  type TrafficBlock,
} from '@haldane/core';
import type { CountedRun, CountedSoFar } from '../counted-run.ts';
import { noBlock } from '../no-block.ts';
import { type ByRole, byRole, grownBy, noTallies, nothing, settled, summed } from './accounts.ts';
import type { AskCloudWatch } from './ask-cloudwatch.ts';
import { lateness, pollSeconds } from './lateness.ts';
import { askMinutes, type Minutes, minuteSeconds, toldOf } from './minutes.ts';
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
/** After the slice was taken off users may still be answered for so long: what is under way ends. */
const leavingSeconds = 15;
const roles: readonly ClusterRole[] = ['production', 'control', 'experiment'];

type Standing = CountedSoFar & {
  readonly meters: Meters;
  /** Up to which second another runner had stored the run; 0 when there was none. */
  readonly takenOverAt: number;
  /** The minute that this reader told first; null before. */
  readonly first: number | null;
  /** Minutes that were told, as they were seen last, without Haldane's own requests. */
  readonly told: ReadonlyMap<number, ByRole>;
  /** What was told beyond what is known by now, and is set off against what is still to be told: nothing, or less. */
  readonly owed: ByRole;
  /** How many requests of each role nobody answered in a minute that was looked at and not told. */
  readonly unanswered: ReadonlyMap<number, string>;
};

/**
 * Real traffic as an Application Load Balancer's metrics count it, by target group. A minute is told, with all of its seconds at once, when it is
 * old enough, when CloudWatch knows something of each group in it, when of each arm it tells no fewer answers than Haldane itself was surely given
 * there, and when two looks agree on how many requests nobody answered; until then it is not known, and so is every minute after it. What was counted in a minute stands in its last second: the others hold
 * nothing. What was spent before follows from the stored blocks, so whoever takes a run over counts on. Values that grow after they were told
 * stand in the next minute that is; by what they fall, less is told of later ones.
 */
export function cloudWatchMetrics(options: CloudWatchOptions & { readonly clock: Clock }): MetricSource {
  const { ask, runOf, countedOf, metersOf, clock, settleSeconds = 120 } = options;
  // A minute with requests that nobody answered is looked at twice.
  const lateSeconds = minuteSeconds + settleSeconds + 2 * pollSeconds;
  const stillSeconds = minuteSeconds + 2 * pollSeconds + patienceSeconds;
  const runs = new Map<string, Standing>();
  /** When AWS was asked last, and why nothing came of it; null when something did. */
  const asked = new Map<string, { readonly at: number; readonly why: string | null }>();
  const own = new Map<string, OwnRequests>();
  const ownOf = (runId: string) => {
    const known = own.get(runId) ?? new OwnRequests();
    own.set(runId, known);
    return known;
  };
  const standingOf = async (runId: string, signal: AbortSignal): Promise<Standing> => runs.get(runId) ?? (await beginning(runId, signal));
  const beginning = async (runId: string, signal: AbortSignal): Promise<Standing> => {
    const stored = await countedOf(runId);
    return {
      ...stored,
      takenOverAt: stored.at,
      meters: await metersOf(runId, signal),
      first: null,
      told: new Map(),
      owed: nothing,
      unanswered: new Map(),
    };
  };
  const usersOf = (minutes: Minutes, runId: string, minute: number, first: number): ByRole =>
    byRole((role) => {
      const told = toldOf(minutes(role, minute).tally);
      return role === 'production' ? told : ownOf(runId).takenFrom(told, role, minute, minute === first);
    });
  const whyNotWhole = (minutes: Minutes, runId: string, minute: number, before: string | undefined): string | null => {
    const when = new Date(minute * 1000).toISOString().slice(11, 16);
    const unknown = roles.flatMap((role) => minutes(role, minute).unknown);
    if (unknown.length > 0) return `CloudWatch knows nothing of ${unknown.join(', ')} in the minute of ${when}`;
    const unanswered = unansweredIn(minutes, minute);
    if (unanswered !== noneUnanswered && unanswered !== before)
      return `CloudWatch tells no answer yet to requests in the minute of ${when} (${unanswered} of production, control and experiment)`;
    for (const arm of ['control', 'experiment'] as const) {
      const { success, 'client-error': refused } = toldOf(minutes(arm, minute).tally);
      const surely = ownOf(runId).surely(arm, minute);
      if (success + refused < surely)
        return `CloudWatch tells ${success + refused} answers of ${arm} in the minute of ${when}, and Haldane itself was given ${surely} there`;
    }
    return null;
  };

  /** Those from `first` on and before `end` that are known whole, up to the first that is not, and why that is not. */
  const wholeMinutes = (minutes: Minutes, runId: string, so: Standing, first: number, end: number) => {
    const whole: (readonly [number, ByRole])[] = [];
    for (let minute = first; minute < end; minute += minuteSeconds) {
      const missing = whyNotWhole(minutes, runId, minute, so.unanswered.get(minute));
      if (missing !== null) return { whole, missing };
      whole.push([minute, usersOf(minutes, runId, minute, so.first ?? first)]);
    }
    return { whole, missing: null };
  };

  return {
    id: 'cloudwatch',
    isKeyless: true,
    isForUsers: true,
    lateMs: () => (lateSeconds + patienceSeconds) * 1000,
    // The first minute takes as long as any; after it one is due each minute.
    stillMs: (runId) => ((runs.get(runId)?.first ?? null) === null ? lateSeconds + patienceSeconds : stillSeconds) * 1000,
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
        const { whole, missing } = wholeMinutes(minutes, runId, so, first, end);
        const unanswered = new Map<number, string>();
        for (let minute = first + whole.length * minuteSeconds; minute < end; minute += minuteSeconds)
          unanswered.set(minute, unansweredIn(minutes, minute));
        runs.set(runId, { ...so, unanswered });
        if (whole.length === 0) return silent(missing ?? 'CloudWatch told no minute');
        const begun = so.first ?? first;
        const again = [...so.told].map(([minute, was]) => {
          const isKnown = roles.every((role) => minutes(role, minute).unknown.length === 0);
          return [minute, was, isKnown ? usersOf(minutes, runId, minute, begun) : was] as const;
        });
        const grown = summed([so.owed, ...again.map(([, was, now]) => grownBy(now, was))]);
        const isCompared = (minute: number) => so.takenOverAt === 0 || ownOf(runId).knows(minute);
        const { points, counted, owed } = blocksOf(whole, grown, from, so, { failures, creditRate, isCompared });
        const told = [...again.map(([minute, , now]) => [minute, now] as const), ...whole].filter(
          ([minute]) => minute > minuteOf(counted.at) - lookBackMinutes * minuteSeconds,
        );
        runs.set(runId, { ...so, ...counted, first: begun, told: new Map(told), owed, unanswered });
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
        return lateness({ lateSeconds, settleSeconds, stillSeconds }, armsPerSecond, spec);
      } catch (error) {
        if (signal.aborted) throw error;
        return { caps: [], notes: [], refusals: [`metrics: cloudwatch: ${messageOf(error)}`] };
      }
    },
  };
}

/**
 * Every second of these minutes from `from` on; what they counted stands in the last of each, and in the first of those what earlier ones have `grown`
 * by, less what is owed of them. A minute that is not compared, for nobody knows which of its requests are Haldane's own, is charged to the budget, and holds
 * nothing of the arms: neither credit follows from it nor a difference.
 */
function blocksOf(
  whole: readonly (readonly [number, ByRole])[],
  grown: ByRole,
  from: number,
  before: CountedSoFar,
  { failures, creditRate, isCompared }: Pick<CountedRun, 'failures' | 'creditRate'> & { readonly isCompared: (minute: number) => boolean },
): { readonly points: readonly TrafficBlock[]; readonly counted: CountedSoFar; readonly owed: ByRole } {
  const points: TrafficBlock[] = [];
  let counted: CountedSoFar = { at: before.at, spent: before.spent, requests: before.requests };
  let owed = grown;
  for (const [minute, users] of whole) {
    const last = minute + minuteSeconds - 1;
    const told = settled(summed([owed, users]));
    owed = told.owed;
    for (let at = Math.max(from, minute); at <= last; at += 1) {
      const heard = at < last ? noTallies : told.real;
      const spent = counted.spent + heard.control.failures + heard.experiment.failures;
      const real = isCompared(minute) ? heard : { ...noTallies, production: heard.production };
      const requests = counted.requests + real.control.requests + real.experiment.requests;
      counted = { at, spent, requests };
      points.push({ ...noBlock(at), real, budget: { spent, cap: failures, credit: creditRate * requests } });
    }
  }
  return { points, counted, owed };
}

function minuteOf(second: number): number {
  return Math.floor(second / minuteSeconds) * minuteSeconds;
}

/** How many requests of each role nobody seems to have answered in a minute: the codes may be published later than the count of requests. */
function unansweredIn(minutes: Minutes, minute: number): string {
  return roles.map((role) => toldOf(minutes(role, minute).tally).broken).join(', ');
}
const noneUnanswered = roles.map(() => 0).join(', ');

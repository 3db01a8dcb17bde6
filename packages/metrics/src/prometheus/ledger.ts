import { addTally, answerClasses, emptyTally, HaldaneError, type Tally } from '@haldane/core';
import type { Series } from './ask-prometheus.ts';
import { classOfLabels } from './class-of-labels.ts';

/** What was read of a cluster's instances: whether each could be read, when its process began, and its counters of answers. */
export type Readings = { readonly up: readonly Series[]; readonly started: readonly Series[]; readonly requests: readonly Series[] };

/** A cluster's answers by the second in which they were read. */
export type Ledger = {
  /** The last second that is closed; `-Infinity` when an instance, or all, was never read, or an arm's is not known. */
  readonly closed: number;
  /** When the instance that was read least recently was read (epoch ms); `-Infinity` as above. */
  readonly readAt: number;
  /** Between two readings of the instance that is read most seldom; null when none was read twice, or an arm's is not known. */
  readonly everyMs: number | null;
  /** Whether an instance could not be read in that second, though it had a turn: what it counted then stands in the next one that is none. */
  isGap(second: number): boolean;
  tally(second: number): Tally;
};

/** More than so many times as long as usual between two readings: one was left out. */
const leftOutAfter = 2.5;
/** An instance that is not ours and was not read for so many turns has gone. */
const goneAfter = 3;

/**
 * Counts exactly what instances said that they have counted. One instance is read in turn, so a second is closed once each was read after its
 * end: nothing read in it is still to come, however slow a reading was, and whoever does this sum later, from the same readings, gets the same.
 *
 * Each counter is followed by itself. It grows by its difference to the reading before, however long ago; by all of it when its process was
 * started again in between, or it is smaller; and by all of it when it was not there before. What a process answered after its last
 * reading and before its end, nobody has read.
 *
 * `launched`: a run's arm, and of how many instances it is made. All of them must be known and read, and one that comes later is counted from
 * nothing. A reading without any counter, where the same process had one before, is none: counters do not vanish. Null: production, whose
 * instances come and go, and what one that is new has counted before is nobody's. Throws `bad-request` for counters that do not say whose they are.
 */
export function ledgerOf({ up, started, requests }: Readings, from: number, launched: number | null): Ledger {
  const own = launched !== null;
  const begins = new Map(started.map((series) => [targetOf(series), new Map(series.samples)]));
  const counted = own ? countedAt(requests) : null;
  const all = new Map(
    up.map((series) => {
      const key = targetOf(series);
      return [key, readingsOf(counted === null ? series : withoutUncounted(series, counted.get(key), begins.get(key)))];
    }),
  );
  const lastOf = ({ read }: Target) => read.at(-1) ?? Number.NEGATIVE_INFINITY;
  const newest = Math.max(...[...all.values()].map(lastOf));
  const there = [...all.values()].filter((target) => own || newest - lastOf(target) <= goneAfter * (target.everyMs ?? 0));
  const grown = new Map<number, Tally>();
  for (const series of requests) {
    const key = targetOf(series);
    const target = all.get(key);
    if (target === undefined)
      throw new HaldaneError(
        'bad-request',
        `requests of ${key} belong to no instance that up knows: both must be selectors of what is read from instances, without sum or rate`,
      );
    const first = series.samples[0];
    const hasPast = !own && first !== undefined && target.read.every((at) => at >= first[0]);
    for (const [at, grew] of growth(series, hasPast ? first[1] : 0, begins.get(key))) {
      const second = Math.floor(at / 1000);
      if (second >= from) grown.set(second, addTally(grown.get(second) ?? emptyTally, tallyOf(series, grew)));
    }
  }
  const areKnown = there.length >= (launched ?? 1);
  const readAt = areKnown ? Math.min(...there.map(lastOf)) : Number.NEGATIVE_INFINITY;
  const every = areKnown ? there.flatMap((target) => target.everyMs ?? []) : [];
  return {
    readAt,
    closed: Math.floor(readAt / 1000) - 1,
    everyMs: every.length === 0 ? null : Math.max(...every),
    isGap: (second) => there.some((target) => isUnread(target, second, own)),
    tally: (second) => grown.get(second) ?? emptyTally,
  };
}

/** By how much a counter grew from each reading to the next, which it is told with; `past`: what it was before the first. */
function growth({ samples }: Series, past: number, began: ReadonlyMap<number, number> | undefined): readonly (readonly [number, number])[] {
  return samples.map(([at, value], index) => {
    const [beforeAt, before] = samples[index - 1] ?? [at, past];
    const isAnew = (began?.get(at) ?? 0) !== (began?.get(beforeAt) ?? began?.get(at) ?? 0);
    return [at, Math.round(isAnew || value < before ? value : value - before)] as const;
  });
}

/** When an instance was read, and when it could not be (epoch ms). */
type Target = { readonly read: readonly number[]; readonly missed: readonly number[]; readonly everyMs: number | null };

function readingsOf({ samples }: Series): Target {
  const at = (wanted: boolean) => samples.filter(([, value]) => (value === 1) === wanted).map(([time]) => time);
  const read = at(true);
  const apart = read.slice(1).map((time, index) => time - (read[index] ?? time));
  const middle = apart.sort((a, b) => a - b)[Math.floor(apart.length / 2)];
  return { read, missed: at(false), everyMs: middle ?? null };
}

/** When something of an instance was counted. */
function countedAt(requests: readonly Series[]): ReadonlyMap<string, ReadonlySet<number>> {
  const all = new Map<string, Set<number>>();
  for (const series of requests) {
    const key = targetOf(series);
    const times = all.get(key) ?? new Set();
    for (const [at] of series.samples) times.add(at);
    all.set(key, times);
  }
  return all;
}

/** The same, where a reading that lacks the counters which its process has had is none. An unknown beginning is no new one. */
function withoutUncounted(
  series: Series,
  counted: ReadonlySet<number> = new Set(),
  began: ReadonlyMap<number, number> = new Map(),
): Series {
  let had: { readonly began: number | undefined } | null = null;
  const samples = series.samples.map(([at, value]) => {
    const now = began.get(at);
    if (had !== null && (now ?? had.began) !== (had.began ?? now)) had = null;
    if (counted.has(at)) had = { began: now };
    return [at, had !== null && !counted.has(at) ? 0 : value] as const;
  });
  return { ...series, samples };
}

function isUnread({ read, missed, everyMs }: Target, second: number, own: boolean): boolean {
  const next = read.findIndex((time) => time >= second * 1000);
  const after = read[next];
  if (after === undefined) return true;
  if (after < (second + 1) * 1000) return false;
  const before = read[next - 1];
  // Nobody looked at it yet; production's did not stand here yet.
  if (before === undefined) return own;
  return after - before > leftOutAfter * (everyMs ?? 0) || missed.some((time) => time > before && time < after);
}

function targetOf({ labels }: Series): string {
  const { job, instance } = labels;
  if (job === undefined || instance === undefined)
    throw new HaldaneError(
      'bad-request',
      'a series has no labels job and instance, so nobody knows whose it is: query what was read from instances, without sum or rate',
    );
  return `${job} ${instance}`;
}

/** So many answers of a series. Failures are those of 500 and above and those without status: a counter knows nobody's key. */
function tallyOf({ labels }: Series, requests: number): Tally {
  const kind = classOfLabels(labels);
  const failures = kind === 'server-error' || kind === 'broken' ? requests : 0;
  return { requests, failures, classes: answerClasses.map((name) => (name === kind ? requests : 0)) };
}

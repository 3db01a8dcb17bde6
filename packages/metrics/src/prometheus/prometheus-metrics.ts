import {
  addTally,
  arms,
  type Clock,
  emptyTally,
  HaldaneError,
  type MetricSource,
  messageOf,
  type Tally,
  type TrafficBlock,
} from '@haldane/core';
import type { CountedRun, CountedSoFar } from '../counted-run.ts';
import { noBlock } from '../no-block.ts';
import type { AskPrometheus } from './ask-prometheus.ts';
import { granularity, seldomMs } from './granularity.ts';
import { type Ledger, ledgerOf } from './ledger.ts';

/** Selectors of what Prometheus read from instances, in which `$cluster` stands for a cluster's name. */
export type PrometheusQueries = {
  /** Counters of answers, by instance and status: `http_requests_total{cluster="$cluster"}`. */
  readonly requests: string;
  /** What is 1 for each instance that could be read: `up{cluster="$cluster"}`. */
  readonly up: string;
  /** When the process of each instance began; may be nothing: `process_start_time_seconds{cluster="$cluster"}`. */
  readonly started: string;
};

export type PrometheusOptions = {
  readonly queries: PrometheusQueries;
  readonly runOf: (runId: string) => Promise<CountedRun>;
  readonly countedOf: (runId: string) => Promise<CountedSoFar>;
  readonly ask: AskPrometheus;
};

/** How long before the first second that is wanted its instances' readings are looked for: four turns of the most seldom that is allowed. */
const lookBackSeconds = 60;
/** Prometheus is not asked more often: instances are read once a second at most. */
const askEveryMs = 500;
/** How long a reading may take until it is stored. */
const storedWithinMs = 1_500;
/** Over so long it is looked at how often instances are read. */
const overSeconds = 60;

type Standing = CountedSoFar & { readonly askedAt: number; readonly everyMs: number };

/**
 * Real traffic as a Prometheus server has read it from the instances. What a second holds follows from the stored readings alone (see
 * `ledgerOf`), and what was spent before it from the stored blocks: whoever takes a run over counts on where another stopped. An instance that
 * is not read, or not known, or whose counters are gone, holds the seconds up; one that missed a turn makes them a gap, and what it counted
 * meanwhile stands in the second after.
 */
export function prometheusMetrics(options: PrometheusOptions & { readonly clock: Clock }): MetricSource {
  const { queries, runOf, countedOf, clock, ask } = options;
  const runs = new Map<string, Standing>();
  const selectors = (cluster: string) => {
    const of = (query: string) => query.replaceAll('$cluster', cluster);
    return { up: of(queries.up), started: of(queries.started), requests: of(queries.requests) };
  };
  const read = async (cluster: string, from: number, launched: number | null, signal: AbortSignal): Promise<Ledger> => {
    const now = clock.now();
    const seconds = Math.max(0, now / 1000 - from) + lookBackSeconds;
    const { up, started, requests } = selectors(cluster);
    const [ups, starts, counters] = await Promise.all([up, started, requests].map((one) => ask(one, seconds, now, signal)));
    return ledgerOf({ up: ups ?? [], started: starts ?? [], requests: counters ?? [] }, from, launched);
  };

  return {
    id: 'prometheus',
    isKeyless: true,
    // Two turns: one that is late is no silence yet.
    lateMs: (runId) => 2 * (runs.get(runId)?.everyMs ?? seldomMs) + storedWithinMs,
    async read(runId, after, signal) {
      const now = clock.now();
      const before = runs.get(runId);
      if (before !== undefined && now - before.askedAt < askEveryMs) return { state: 'no-data' };
      try {
        const { production, instances, failures, creditRate } = await runOf(runId);
        let so: Standing = { ...(before ?? { ...(await countedOf(runId)), everyMs: seldomMs }), askedAt: now };
        runs.set(runId, so);
        // What was told is told; what was stored needs no telling again.
        const from = Math.max(after, so.at) + 1;
        const clusters = [[production, null] as const, ...arms.map((arm) => [`${runId}.${arm}`, instances[arm]] as const)];
        const names = clusters.map(([name]) => name);
        const ledgers = await Promise.all(clusters.map(([name, launched]) => read(name, from - 1, launched, signal)));
        const everyMs = Math.max(...ledgers.map((one) => one.everyMs ?? seldomMs));
        so = { ...so, everyMs };
        const closed = Math.min(...ledgers.map((one) => one.closed));
        const points: TrafficBlock[] = [];
        // Users came in the second before the first one: what was read in it is told with that.
        let held: readonly Tally[] = ledgers.map((one) => (so.at === 0 ? one.tally(from - 1) : emptyTally));
        for (let at = from; at <= closed; at += 1) {
          held = held.map((tally, index) => addTally(tally, ledgers[index]?.tally(at) ?? emptyTally));
          if (ledgers.some((one) => one.isGap(at))) continue;
          const [whole = emptyTally, control = emptyTally, experiment = emptyTally] = held;
          const spent = so.spent + control.failures + experiment.failures;
          const requests = so.requests + control.requests + experiment.requests;
          so = { ...so, at, spent, requests };
          const budget = { spent, cap: failures, credit: creditRate * requests };
          points.push({ ...noBlock(at), real: { production: whole, control, experiment }, budget });
          held = held.map(() => emptyTally);
        }
        runs.set(runId, so);
        if (points.length > 0) return { state: 'ok', points };
        const unread = names.filter((_, index) => now - (ledgers[index]?.readAt ?? 0) > 2 * everyMs + storedWithinMs);
        if (unread.length === 0) return { state: 'no-data' };
        return { state: 'unavailable', why: `Prometheus could not read every instance of ${unread.join(', ')}` };
      } catch (error) {
        if (signal.aborted) throw error;
        return { state: 'unavailable', why: messageOf(error) };
      }
    },
    leave: (runId) => void runs.delete(runId),
    async advise({ source }, armsPerSecond, signal) {
      const now = clock.now();
      try {
        const { up, started, requests } = selectors(source);
        const [ups = [], starts = [], counters = []] = await Promise.all(
          [up, started, requests].map((one) => ask(one, overSeconds, now, signal)),
        );
        if (ups.length === 0) throw new HaldaneError('unavailable', `it knows no instance of ${source}; its query is ${up}`);
        if (counters.length === 0)
          throw new HaldaneError(
            'unavailable',
            `it has read no counter of ${source}, so nobody would be counted; its query is ${requests}`,
          );
        const { everyMs } = ledgerOf({ up: ups, started: starts, requests: counters }, 0, null);
        return granularity(everyMs ?? overSeconds * 1000, armsPerSecond, starts.length > 0);
      } catch (error) {
        if (signal.aborted) throw error;
        return { caps: [], notes: [], refusals: [`metrics: prometheus: ${messageOf(error)}`] };
      }
    },
  };
}

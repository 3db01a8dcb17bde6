import { type Advice, arms, type Clock, HaldaneError, type MetricSource, messageOf, type TrafficBlock } from '@haldane/core';
import { noBlock } from '../no-block.ts';
import { askPrometheus, type Series } from './ask-prometheus.ts';
import { tallyOf } from './tallies-of.ts';

/** PromQL in which `$cluster` stands for a cluster's name. */
export type PrometheusQueries = {
  /** Counters of answers, by status: `sum by (code) (http_requests_total{cluster="$cluster"})`. */
  readonly requests: string;
  /** A selector of what is 1 for each instance that could be read: `up{cluster="$cluster"}`. */
  readonly up: string;
};

export type PrometheusOptions = {
  readonly url: string;
  readonly queries: PrometheusQueries;
  /** Production's cluster, and what may be spent. */
  readonly runOf: (runId: string) => Promise<{ readonly production: string; readonly failures: number; readonly creditRate: number }>;
};

/** Whoever reads a target stamps what it read with the time when it began to, and stores it when it is done. */
const storedWithinMs = 1_500;
/** A reader that was away asks for no more at once. */
const mostSeconds = 120;
/** For five minutes Prometheus repeats what it read last: past this it is not believed. */
const believedSeconds = 30;
/** So a missed reading is no gap yet. */
const seldomSeconds = 15;
/** Over so long it is looked at how often instances are read. */
const overSeconds = 60;

/**
 * Real traffic as a Prometheus server knows it. Its counters are looked at for each second, so nothing is counted twice and nothing is
 * lost; but they only grow when an instance is read, so a failure is told up to a scrape interval after it happened. A second in which an
 * instance could not be read is a gap, never a zero.
 */
export function prometheusMetrics({ url, queries, runOf, clock }: PrometheusOptions & { readonly clock: Clock }): MetricSource {
  const spent = new Map<string, { failures: number; requests: number }>();
  const ask = (query: string, cluster: string, from: number, to: number, signal: AbortSignal) =>
    askPrometheus(url, query.replaceAll('$cluster', cluster), from, to, signal);

  const clusterAt = async (cluster: string, from: number, to: number, signal: AbortSignal) => {
    const [up, stamps, counters] = await Promise.all([
      ask(queries.up, cluster, from, to, signal),
      ask(`timestamp(${queries.up})`, cluster, from, to, signal),
      ask(queries.requests, cluster, from, to, signal),
    ]);
    const isRead = (second: number) => isUp(up, second) && isFresh(stamps, second);
    return { isRead: (second: number) => isRead(second) && isRead(second + 1), tally: (second: number) => tallyOf(counters, second) };
  };

  return {
    id: 'prometheus',
    lateMs: storedWithinMs,
    async read(runId, after, signal) {
      const last = Math.floor((clock.now() - storedWithinMs) / 1000) - 1;
      if (last <= after) return { state: 'no-data' };
      const first = Math.max(after + 1, last - mostSeconds + 1);
      try {
        const { production, failures, creditRate } = await runOf(runId);
        const names = [production, ...arms.map((arm) => `${runId}.${arm}`)];
        const read = await Promise.all(names.map((name) => clusterAt(name, first, last + 1, signal)));
        const so = spent.get(runId) ?? { failures: 0, requests: 0 };
        spent.set(runId, so);
        const points: TrafficBlock[] = [];
        for (let at = first; at <= last; at += 1) {
          if (!read.every((one) => one.isRead(at))) continue;
          const [whole, control, experiment] = read.map((one) => one.tally(at));
          if (whole === undefined || control === undefined || experiment === undefined) continue;
          so.failures += control.failures + experiment.failures;
          so.requests += control.requests + experiment.requests;
          const budget = { spent: so.failures, cap: failures, credit: creditRate * so.requests };
          points.push({ ...noBlock(at), real: { production: whole, control, experiment }, budget });
        }
        const unread = names.filter((_, index) => read[index]?.isRead(last) === false);
        if (points.length > 0) return { state: 'ok', points };
        return { state: 'unavailable', why: `Prometheus could not read every instance of ${unread.join(', ') || names.join(', ')}` };
      } catch (error) {
        if (signal.aborted) throw error;
        return { state: 'unavailable', why: messageOf(error) };
      }
    },
    leave: (runId) => void spent.delete(runId),
    async advise({ source }, armsPerSecond, signal): Promise<Advice> {
      const now = Math.floor(clock.now() / 1000);
      try {
        const stamps = await ask(`timestamp(${queries.up})`, source, now - overSeconds, now, signal);
        if (stamps.length === 0) throw new HaldaneError('unavailable', `it knows no instance of ${source}; its query is ${queries.up}`);
        return granularity(Math.max(...stamps.map(secondsBetween)), armsPerSecond);
      } catch (error) {
        if (signal.aborted) throw error;
        return { caps: [], notes: [], refusals: [`metrics: prometheus: ${messageOf(error)}`] };
      }
    },
  };
}

/** What it does to detection and budget that counters are read only so often. */
function granularity(everySeconds: number, armsPerSecond: number | null): Advice {
  const late = Math.ceil(everySeconds + storedWithinMs / 1000 + 1);
  const more =
    armsPerSecond === null ? 'all requests of both arms in that time' : `about ${Math.ceil(armsPerSecond * late)} requests of both arms`;
  const every = `Prometheus reads instances every ${Number(everySeconds.toPrecision(2))} s`;
  return {
    caps: [
      {
        name: 'failures of real users, both arms together',
        enforcedBy: `the runner, once it is told: ${every}, so a failure is known up to ${late} s late, and ${more} may fail beyond the cap`,
      },
      { name: 'a request slower than', enforcedBy: 'nobody: these counters do not tell how long an answer took' },
    ],
    notes: [
      `${every}: what happens is known up to ${late} s later. ${everySeconds > 2 ? 'Read them each second for the time of a run (scrape_interval: 1s), or put routers of Haldane before the arms. ' : ''}Counters know nobody's key: the unit of the comparison is the request, and a denial counts as none of its failures.`,
    ],
    // A tenth: readings are a little late now and then.
    refusals:
      everySeconds > seldomSeconds * 1.1
        ? [
            `${every}: too seldom to tell a slow reading from a silence; set scrape_interval to ${seldomSeconds}s or less, 1s for the time of a run`,
          ]
        : [],
  };
}

/** How far apart the readings of an instance were, on average; all of the time that was looked at when there were not two. */
function secondsBetween({ at }: Series): number {
  const stamps = [...new Set(at.values())];
  return stamps.length < 2 ? overSeconds : (Math.max(...stamps) - Math.min(...stamps)) / (stamps.length - 1);
}

function isFresh(stamps: readonly Series[], second: number): boolean {
  return stamps.every((one) => second - (one.at.get(second) ?? second) <= believedSeconds);
}

function isUp(up: readonly Series[], second: number): boolean {
  const values = up.map((one) => one.at.get(second)).filter((value) => value !== undefined);
  return values.length > 0 && values.every((value) => value === 1);
}

import { hasCode, type MetricSource, messageOf, type Reading, type TrafficBlock } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import { TelemetryFeed } from './telemetry-feed.ts';

/**
 * Real traffic as one router counted it. `unavailable` when the router does not answer, does not know the run (it was restarted:
 * what it had counted is lost), or no longer holds the run's arms while nothing is left to tell; `no-data` before the next second is closed.
 * Seconds are streamed where the router can, and asked for where it cannot or the stream broke off: what was lost with it is asked
 * for again, and what the router does not know any more is a gap, never a zero.
 */
export function routerMetrics(options: { readonly client: Dataplane }): MetricSource {
  const { client } = options;
  const feeds = new Map<string, TelemetryFeed>();
  const ask = async (runId: string, after: number, signal: AbortSignal): Promise<Reading<TrafficBlock>> => {
    const answer = await client.telemetry(runId, after, signal);
    if (answer.attached && client.follow && feeds.get(runId)?.hasEnded !== false) {
      const follow = client.follow.bind(client, runId, after);
      feeds.set(runId, new TelemetryFeed(after, follow));
    }
    if (answer.blocks.length > 0) return { state: 'ok', points: answer.blocks };
    return answer.attached
      ? { state: 'no-data' }
      : { state: 'unavailable', why: `the router no longer holds the arms of run ${runId}: its lease ended` };
  };
  return {
    id: 'router',
    async read(runId, after, signal): Promise<Reading<TrafficBlock>> {
      const feed = feeds.get(runId);
      if (feed?.knows(after)) {
        const points = feed.take(after);
        return points.length > 0 ? { state: 'ok', points } : { state: 'no-data' };
      }
      if (feed?.hasEnded) feeds.delete(runId);
      try {
        return await ask(runId, after, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        if (hasCode(error, 'gone'))
          return { state: 'unavailable', why: `the router does not know run ${runId}: it was restarted, and what it had counted is lost` };
        return { state: 'unavailable', why: messageOf(error) };
      }
    },
    open: (runId) => feeds.get(runId)?.open ?? null,
    leave(runId) {
      feeds.get(runId)?.end();
      feeds.delete(runId);
    },
  };
}

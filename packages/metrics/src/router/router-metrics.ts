import { hasCode, type MetricSource, messageOf, type Reading, type TrafficBlock } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';

/**
 * Real traffic as one router counted it. `unavailable` when the router does not answer, does not know the run (it was restarted:
 * what it had counted is lost), or no longer holds the run's arms while nothing is left to tell; `no-data` before the next second is closed.
 */
export function routerMetrics(options: { readonly client: Dataplane }): MetricSource {
  return {
    id: 'router',
    async read(runId, after, signal): Promise<Reading<TrafficBlock>> {
      try {
        const answer = await options.client.telemetry(runId, after, signal);
        if (answer.blocks.length > 0) return { state: 'ok', points: answer.blocks };
        return answer.attached
          ? { state: 'no-data' }
          : { state: 'unavailable', why: `the router no longer holds the arms of run ${runId}: its lease ended` };
      } catch (error) {
        if (signal.aborted) throw error;
        if (hasCode(error, 'gone'))
          return { state: 'unavailable', why: `the router does not know run ${runId}: it was restarted, and what it had counted is lost` };
        return { state: 'unavailable', why: messageOf(error) };
      }
    },
  };
}

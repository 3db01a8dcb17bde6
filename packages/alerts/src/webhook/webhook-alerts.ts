import { type AlertSource, messageOf } from '@haldane/core';

/**
 * Alerts that receivers were sent over HTTP, as they wait in the inbox. Within the window, both ends included, oldest
 * first. An inbox that cannot be asked is `unavailable`; an empty window is `no-data`.
 */
export function webhookAlerts({ inbox }: { readonly inbox: Pick<AlertSource, 'alerts'> }): AlertSource {
  return {
    id: 'webhook',
    alerts: async (runId, window, signal) => {
      try {
        const reading = await inbox.alerts(runId, window, signal);
        if (reading.state !== 'ok') return reading;
        const points = reading.points
          .filter(({ receivedAt }) => receivedAt >= window.from && receivedAt <= window.to)
          .toSorted((a, b) => a.receivedAt - b.receivedAt);
        return points.length === 0 ? { state: 'no-data' } : { state: 'ok', points };
      } catch (error) {
        if (signal.aborted) throw error;
        return { state: 'unavailable', why: messageOf(error) };
      }
    },
  };
}

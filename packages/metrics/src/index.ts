import { type Clock, type MetricSource, Registry } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import { noTraffic } from './none/no-traffic.ts';
import { routerMetrics } from './router/router-metrics.ts';

/** What metric sources are made from. */
export type MetricNeeds = { readonly client: Dataplane; readonly clock: Clock };

/** The room's list: every metric source, found by id. */
export function metricSources(needs: MetricNeeds): Registry<MetricSource> {
  return new Registry<MetricSource>('metric source', [noTraffic(needs), routerMetrics(needs)]);
}
export { withContacts } from './with-contacts.ts';
export { routerMetrics };

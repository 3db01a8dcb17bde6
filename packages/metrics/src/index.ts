import { type Clock, type MetricSource, Registry } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import { noTraffic } from './none/no-traffic.ts';
import { type PrometheusOptions, prometheusMetrics } from './prometheus/prometheus-metrics.ts';
import { routerMetrics } from './router/router-metrics.ts';

/** What metric sources are made from; without `prometheus` there is none to ask. */
export type MetricNeeds = { readonly client: Dataplane; readonly clock: Clock; readonly prometheus?: PrometheusOptions };

/** The room's list: every metric source, found by id. */
export function metricSources(needs: MetricNeeds): Registry<MetricSource> {
  const { prometheus, clock } = needs;
  return new Registry<MetricSource>('metric source', [
    noTraffic(needs),
    ...(prometheus === undefined ? [] : [prometheusMetrics({ ...prometheus, clock })]),
    routerMetrics(needs),
  ]);
}
export type { PrometheusQueries } from './prometheus/prometheus-metrics.ts';
export { withContacts } from './with-contacts.ts';
export { routerMetrics };

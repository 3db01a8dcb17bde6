import { type Clock, type MetricSource, Registry } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import { type CloudWatchOptions, cloudWatchMetrics } from './cloudwatch/cloudwatch-metrics.ts';
import { noTraffic } from './none/no-traffic.ts';
import { type PrometheusOptions, prometheusMetrics } from './prometheus/prometheus-metrics.ts';
import { routerMetrics } from './router/router-metrics.ts';

/** What metric sources are made from. */
export type MetricNeeds = {
  /** The routers that can be asked; null: there are none here. */
  readonly client: Dataplane | null;
  readonly clock: Clock;
  /** Absent: no account's CloudWatch can be asked. */
  readonly cloudwatch?: CloudWatchOptions;
  /** Absent: no Prometheus server can be asked. */
  readonly prometheus?: PrometheusOptions;
};

/** The room's list: every metric source that can be had here, found by id. */
export function metricSources({ client, clock, cloudwatch, prometheus }: MetricNeeds): Registry<MetricSource> {
  return new Registry<MetricSource>('metric source', [
    ...(cloudwatch === undefined ? [] : [cloudWatchMetrics({ ...cloudwatch, clock })]),
    noTraffic({ clock }),
    ...(prometheus === undefined ? [] : [prometheusMetrics({ ...prometheus, clock })]),
    ...(client === null ? [] : [routerMetrics({ client })]),
  ]);
}
export { connectCloudWatch } from './cloudwatch/connect-cloudwatch.ts';
export type { CountedRun, CountedSoFar } from './counted-run.ts';
export { askPrometheus } from './prometheus/ask-prometheus.ts';
export type { PrometheusQueries } from './prometheus/prometheus-metrics.ts';
export { withContacts } from './with-contacts.ts';
export { cloudWatchMetrics, prometheusMetrics, routerMetrics };

import { type MetricSource, Registry } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import { routerMetrics } from './router/router-metrics.ts';

/** What metric sources are made from. */
export type MetricNeeds = { readonly client: Dataplane };

/** The room's list: every metric source, found by id. */
export function metricSources(needs: MetricNeeds): Registry<MetricSource> {
  return new Registry<MetricSource>('metric source', [routerMetrics(needs)]);
}
export { routerMetrics };

import { randomUUID } from 'node:crypto';
import type { ExperimentSpec, NewRun } from '@haldane/core';

/** A whole experiment with plausible values; `service` is what runs exclude each other by. */
export function sampleExperiment(service = 'payments'): ExperimentSpec {
  return {
    service,
    environment: 'test',
    name: 'keys-away',
    about: 'the keys go away',
    scenario: { id: 'idp-jwks-unavailable', params: { mode: 'status' } },
    fault: true,
    platform: 'memory',
    pipeline: 'manifest',
    metrics: 'memory',
    manifest: 'haldane.yaml',
    share: 0.1,
    exposure: 'all',
    expectedRate: null,
    instances: 2,
    baselineSeconds: 10,
    watchSeconds: 30,
    probes: { legitimateRate: 5, hostileRate: 20, cleanAnswers: 59 },
    budget: { failures: 20, latencyLimitMs: 5000 },
    tolerance: { odds: 1.25, points: 0.001 },
    alpha: 0.01,
    contact: 30,
    noticed: null,
  };
}

/** A run to be created, with an id of its own. */
export function sampleRun(service = 'payments', key: string | null = null): NewRun {
  return { id: randomUUID(), service, environment: 'test', experiment: sampleExperiment(service), key };
}

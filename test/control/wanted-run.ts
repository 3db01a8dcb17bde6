import { sampleDeployment, sampleExperiment } from '@haldane/testkit';

/** A short run on a service of the memory world. */
export function wantedRun(service: string) {
  const { environment } = sampleDeployment(service);
  const spec = { ...sampleExperiment(service), scenario: { id: 'keys-away', params: {} }, environment };
  const probes = { legitimateRate: 5, hostileRate: 20, cleanAnswers: 20 };
  return { service, environment, experiment: { ...spec, baselineSeconds: 3, watchSeconds: 5, contact: 10, probes } };
}

import { type Clock, type Deployment, type DeploymentPipeline, type ExperimentSpec, type Scenario, timesOf } from '@haldane/core';
import { sampleExperiment } from '../sample-run.ts';
import { memoryStores } from '../stores/memory-stores.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { MemoryWorld } from '../world/memory-world.ts';
import type { Script } from './conduct.ts';
import { MemoryAlerts } from './memory-alerts.ts';
import { MemoryMetrics } from './memory-metrics.ts';
import { MemoryPlatform } from './memory-platform.ts';
import { MemoryProber } from './memory-prober.ts';
import { sampleDeployment, sampleScenario } from './sample-service.ts';

export type LabOptions = {
  readonly act?: Scenario['act'];
  /** How the service behaves; soundly when nothing is said. */
  readonly script?: Script;
  readonly spec?: Partial<ExperimentSpec>;
  readonly deployment?: Partial<Deployment>;
};

export type MemoryLab = ReturnType<typeof memoryLab>;

/** How long an effect lasts that nobody renews: as long as the lease of the run that a test holds. */
export const labLeaseMs = 10_000;

/**
 * Everything outside of a run, in memory and on a clock that stands still until a test moves it: a world with a service in it, a platform
 * to change it, and sources that say what follows from what stands there. Whole runs of an experiment take milliseconds.
 */
export function memoryLab(options: LabOptions = {}) {
  const clock = new VirtualClock();
  return { clock, stores: memoryStores(clock), ...memoryOutside(clock, options) };
}

/** The same without stores, on any clock. */
export function memoryOutside(
  clock: Clock,
  { act = 'change', script = () => ({}), spec: wanted = {}, deployment: declared = {} }: LabOptions = {},
) {
  const deployment: Deployment = { ...sampleDeployment(), ...declared };
  const scenario = sampleScenario(act);
  const spec: ExperimentSpec = { ...sampleExperiment(deployment.service), scenario: { id: scenario.id, params: {} }, ...wanted };
  const world = new MemoryWorld(clock, labLeaseMs);
  world.addRoute(deployment.route);
  const { source, revision } = deployment;
  world.clusters.set(source, { owner: 'production', until: null, revision, proxies: [], instances: [`${source}-0`, `${source}-1`] });
  const platform = new MemoryPlatform(world, clock);
  const { history } = platform;
  const metrics = new MemoryMetrics({
    clock,
    history,
    script,
    rate: 400,
    // `watch-1` is the first stage of a ramp.
    shareOf: (slice) => spec.slice?.ramp[Number(/^watch-(\d+)$/.exec(slice)?.[1]) - 1]?.share ?? spec.share,
    controlTimes: timesOf(spec, 'control'),
    cap: spec.budget.failures,
    callsPerSecond: 4,
  });
  const prober = new MemoryProber({ clock, history, script });
  const alerts = new MemoryAlerts({ clock, history, prober, receiver: 'oncall', rule: 'keys-failing' });
  const pipeline: DeploymentPipeline & { live: Deployment } = {
    id: 'memory',
    live: deployment,
    async interrogate() {
      return this.live;
    },
  };
  return { world, platform, history, metrics, prober, alerts, pipeline, scenario, spec };
}

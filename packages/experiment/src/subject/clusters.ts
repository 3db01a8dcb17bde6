import {
  type Arm,
  arms,
  type BudgetCaps,
  type ClusterState,
  type Deployment,
  type ExperimentSpec,
  HaldaneError,
  type Platform,
  plainSlice,
  type Scenario,
  timesOf,
} from '@haldane/core';
import { type ChangeList, inOrder } from './change-list.ts';
import { clusterRisks } from './cluster-risks.ts';
import { clusterName, type Equal, type Risks, type Subject } from './subject.ts';

/** How long instances may take to become healthy. */
const readyMs = 90_000;

/** Two clusters of the service, which requests reach. */
export class Clusters implements Subject {
  readonly twinOf = null;
  readonly #platform: Platform;
  readonly #scenario: Scenario;
  readonly #spec: ExperimentSpec;

  constructor(platform: Platform, scenario: Scenario, spec: ExperimentSpec) {
    this.#platform = platform;
    this.#scenario = scenario;
    this.#spec = spec;
  }

  /** Proxies on every dependency of both arms and placebos come first, then both clusters. */
  changes(runId: string, deployment: Deployment): ChangeList {
    const platform = this.#platform;
    const spec = this.#spec;
    const { params } = spec.scenario;
    const target = { runId, deployment, faults: platform.faults };
    // Drawn from the run's id, so that neither arm is always launched first.
    const order: readonly Arm[] = drawn(runId) ? arms : [...arms].reverse();
    const wirings = order.map((arm) => ({ arm, wiring: platform.faults.wire(deployment, arm, runId) }));
    const clusters = wirings.map(({ arm, wiring }) => platform.clusters.launch(deployment, arm, wiring, runId, this.#wanted(arm)));
    const prepared = inOrder(this.#scenario.prepare(params, target));
    const ids = clusters.map((cluster) => cluster.id);
    return {
      provision: [...inOrder(wirings.flatMap(({ wiring }) => wiring.changes)), ...prepared, clusters],
      attach: platform.traffic.attach(deployment, runId, ids),
      ...this.#slices(runId, deployment),
      inject: spec.fault ? this.#scenario.inject(params, target) : [],
    };
  }

  #slices(runId: string, deployment: Deployment): Pick<ChangeList, 'baselineSlice' | 'watchSlices'> {
    const { exposure, share, controlTimes, fault, budget, slice = plainSlice } = this.#spec;
    if (exposure === 'synthetic') return { baselineSlice: null, watchSlices: () => [] };
    const { ramp, ...rules } = slice;
    const caps = (creditRate: number): BudgetCaps => ({
      failures: budget.failures,
      ...(budget.users === undefined ? {} : { users: budget.users }),
      latencyLimitMs: budget.latencyLimitMs,
      creditRate,
    });
    const sliceOf = (name: string, its: { readonly share: number; readonly creditRate: number; readonly underFault: boolean }) =>
      this.#platform.traffic.slice(deployment, runId, {
        name,
        share: its.share,
        ...(controlTimes === undefined ? {} : { controlTimes }),
        exposure,
        caps: caps(its.creditRate),
        rules,
        underFault: its.underFault,
      });
    const stages = [...ramp.map((stage, i) => ({ name: `watch-${i + 1}`, share: stage.share })), { name: 'watch', share }];
    return {
      baselineSlice: sliceOf('baseline', { share, creditRate: 0, underFault: false }),
      watchSlices: (creditRate) => stages.map((stage) => sliceOf(stage.name, { share: stage.share, creditRate, underFault: fault })),
    };
  }

  risks(deployment: Deployment, requestsPerSecond: number | null, seconds: number): Risks {
    return clusterRisks({ deployment, requestsPerSecond, seconds, platform: this.#platform, scenario: this.#scenario, spec: this.#spec });
  }

  refusals(deployment: Deployment): readonly string[] {
    const spec = this.#spec;
    const streams = this.#scenario.probes(spec.scenario.params, deployment, spec);
    const isServed = streams.some((stream) => stream.kind === 'legitimate' && stream.requests.length > 0);
    return [
      ...this.#uncounted(deployment),
      ...(isServed
        ? []
        : [
            `no legitimate synthetic request is declared: add one under synthetic.requests in ${spec.manifest}, or nothing shows that users are still served`,
          ]),
    ];
  }

  /** Whoever exposes real users counts them, and routers of ours only where they stand. */
  #uncounted({ route }: Deployment): readonly string[] {
    const { metrics, exposure } = this.#spec;
    const isExposed = exposure !== 'synthetic';
    if (metrics === 'router' && this.#platform.isRouted?.(route) === false)
      return [
        `metrics: router counts at Haldane's own routers, and none stands in route ${route} on platform ${this.#platform.id}; write metrics: ${isExposed ? 'prometheus' : 'none'}, or put a side door before the arms`,
      ];
    return metrics === 'none' && isExposed
      ? ['metrics: none counts no real user; write exposure: synthetic, or name a source that counts them']
      : [];
  }

  async ready(runId: string, deployment: Deployment, waitedMs: number, signal: AbortSignal): Promise<Equal | null> {
    const [control, experiment] = await this.#describe(runId, signal);
    const isReady = (arm: Arm, state: ClusterState | null | undefined): state is ClusterState =>
      state?.instances.length === this.#wanted(arm) && state.instances.every((one) => one.healthy);
    if (isReady('control', control) && isReady('experiment', experiment)) return equal(control, experiment, deployment.revision);
    if (waitedMs > (this.#platform.patience?.readyMs ?? readyMs)) {
      const words = `control ${healthWords(control)}, experiment ${healthWords(experiment)}`;
      throw new HaldaneError('not-healthy', `the arms did not become healthy in ${Math.round(waitedMs / 1000)} s: ${words}`);
    }
    return null;
  }

  async healthy(runId: string, signal: AbortSignal): Promise<Record<Arm, number>> {
    const [control, experiment] = await this.#describe(runId, signal);
    return { control: healthyOf(control), experiment: healthyOf(experiment) };
  }

  async usedBy(): Promise<readonly string[]> {
    return [];
  }

  #describe(runId: string, signal: AbortSignal): Promise<readonly (ClusterState | null)[]> {
    return Promise.all(arms.map((arm) => this.#platform.clusters.describe(clusterName(runId, arm), signal)));
  }

  /** Instances of the arm. */
  #wanted(arm: Arm): number {
    return this.#spec.instances * timesOf(this.#spec, arm);
  }
}

/** A coin that falls the same way for the same run. */
function drawn(runId: string): boolean {
  let sum = 0;
  for (const char of runId) sum = (sum * 31 + char.charCodeAt(0)) >>> 0;
  return (sum >>> 7) % 2 === 0;
}

/** Equal are those that run what is live. */
function equal(control: ClusterState, experiment: ClusterState, live: string): Equal {
  const names = (state: ClusterState) => state.instances.map((one) => one.name);
  return {
    passed: control.revision === experiment.revision && control.revision === live,
    seen: `control ${control.revision}, experiment ${experiment.revision}, live ${live}, ${control.instances.length} and ${experiment.instances.length} instances`,
    names: { control: names(control), experiment: names(experiment) },
  };
}

function healthyOf(state: ClusterState | null | undefined): number {
  return state?.instances.filter((one) => one.healthy).length ?? 0;
}

function healthWords(state: ClusterState | null | undefined): string {
  return state ? `${healthyOf(state)} of ${state.instances.length} healthy` : 'not there';
}

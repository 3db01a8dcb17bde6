import { alarmHistory, connectAlarms, type ReadHistory, webhookAlerts } from '@haldane/alerts';
import type {
  AlertSource,
  Arm,
  Claim,
  Clock,
  Criteria,
  Deployment,
  DeploymentPipeline,
  Evidence,
  ExperimentSpec,
  Meters,
  Neighbour,
  Outside,
  Platform,
  Prober,
  Run,
  SafetyPolicy,
  Scenario,
  Surroundings,
} from '@haldane/core';
import { HaldaneError, Registry, timesOf } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import type { Egress } from '@haldane/egress';
import { criteriaOf, type World } from '@haldane/experiment';
import { haldane1 } from '@haldane/judge';
import {
  askPrometheus,
  type CountedRun,
  type CountedSoFar,
  connectCloudWatch,
  metricSources,
  type PrometheusQueries,
  withContacts,
} from '@haldane/metrics';
import { manifestPipeline, openReaders } from '@haldane/pipelines';
import { type Policy, ruledBy } from '@haldane/policy';
import { httpProber } from '@haldane/probes';
import type { Report } from '@haldane/reports';
import { scenarios } from '@haldane/scenarios';
import type { Store } from '@haldane/store';
import { ofItsRun } from './of-its-run.ts';
import { outside } from './outside/index.ts';
import { timing } from './runner.ts';

export type HouseOptions = {
  readonly store: Store;
  readonly clock: Clock;
  /** Where runs can be driven from here. */
  readonly platforms: readonly Platform[];
  /** The routers of this machine; null: there are none, and no run that counts at them is driven here. */
  readonly dataplane: Dataplane | null;
  /** By which Haldane asks whom a manifest or a policy names. */
  readonly egress: Egress;
  /** A Prometheus server that knows the services' counters; absent: none is connected. */
  readonly prometheus?: { readonly url: string; readonly queries: PrometheusQueries } | undefined;
  /** The account whose CloudWatch knows the balancers' counts, of which a minute settles so long, and alarms; absent: none is connected. */
  readonly cloudwatch?: (Parameters<typeof connectCloudWatch>[0] & { readonly settleSeconds?: number }) | undefined;
  /** Variables that manifests may name and secrets are taken from. */
  readonly env: Readonly<Record<string, string>>;
  /** Asked of a run's manifest each time before it is read, whoever wrote its name into the run; any will do when it is not given. */
  readonly permitFile?: (file: string) => Promise<void>;
  /** What the organisation allows, read each time that a run is asked about; all that plans allow when it is not given. */
  readonly policy?: () => Promise<Policy>;
  /** Writes a report where its owner finds it. */
  readonly publish: (report: Report) => Promise<void>;
  /** What can be done to a service; the room's list when it is not given. */
  readonly scenarios?: readonly Scenario[];
};

/** Everything that runs are put together from, found by id. */
export class House {
  readonly #options: HouseOptions;
  readonly #scenarios: Registry<Scenario>;
  readonly #platforms: Registry<Platform>;
  readonly #metrics: ReturnType<typeof metricSources>;
  readonly #prober: Prober;
  readonly #outside: Outside;
  readonly #readers: ReturnType<typeof openReaders>;
  readonly #alarms: ReadHistory | null;

  constructor(options: HouseOptions) {
    this.#options = options;
    this.#scenarios = new Registry('scenario', options.scenarios ?? scenarios);
    this.#platforms = new Registry('platform', options.platforms);
    const { dataplane: client, clock, cloudwatch, prometheus } = options;
    const runOf = (id: string) => this.#countedRun(id);
    const countedOf = (id: string) => this.#countedSoFar(id);
    const metersOf = (run: string | Deployment, signal: AbortSignal) => this.#metersOf(run, signal);
    this.#metrics = metricSources({
      client,
      clock,
      ...(cloudwatch === undefined
        ? {}
        : { cloudwatch: { ...cloudwatch, ask: connectCloudWatch(cloudwatch), runOf, countedOf, metersOf } }),
      ...(prometheus === undefined
        ? {}
        : { prometheus: { queries: prometheus.queries, ask: askPrometheus(prometheus.url, options.egress), runOf, countedOf } }),
    });
    this.#alarms = cloudwatch === undefined ? null : connectAlarms(cloudwatch);
    this.#outside = outside({ env: options.env, egress: options.egress, inbox: webhookAlerts({ inbox: options.store.alerts }) });
    this.#prober = httpProber({ clock: options.clock, egress: options.egress, secret: (name) => options.env[name] });
    this.#readers = openReaders({ clock: options.clock, egress: options.egress });
  }

  scenario(id: string) {
    return this.#scenarios.get(id);
  }
  scenarios() {
    return this.#scenarios.all();
  }
  platform(id: string) {
    return this.#platforms.get(id);
  }

  /** Who says what is live of the experiment's service. Throws `unknown-id` naming the known ones. */
  pipeline({ pipeline, manifest }: Pick<ExperimentSpec, 'pipeline' | 'manifest'>): DeploymentPipeline {
    const { env, permitFile } = this.#options;
    const locate = async () => {
      await permitFile?.(manifest);
      return manifest;
    };
    return new Registry('pipeline', [manifestPipeline({ locate, env, readers: this.#readers })]).get(pipeline);
  }

  metrics(id: string) {
    return this.#metrics.get(id);
  }

  /** Where the experiment's alerts are heard of; null when nobody asks. Throws `unknown-id` naming the known ones. */
  alerts({ noticed }: Pick<ExperimentSpec, 'noticed'>): AlertSource | null {
    if (noticed === null) return null;
    const { store, clock } = this.#options;
    const { expect, heartbeatRule } = noticed;
    return new Registry<AlertSource>('alert source', [
      ...(this.#alarms === null ? [] : [alarmHistory({ read: this.#alarms, clock, rules: expect.rules, heartbeat: heartbeatRule })]),
      webhookAlerts({ inbox: store.alerts }),
    ]).get(noticed.source);
  }

  async #countedRun(id: string): Promise<CountedRun> {
    const run = await this.#options.store.runs.get(id);
    if (run?.facts.deployment === undefined) throw new HaldaneError('not-found', `there is no run ${id} that was planned`);
    const { deployment, baseline } = run.facts;
    const { instances, budget } = run.experiment;
    const launched = (arm: Arm) => instances * timesOf(run.experiment, arm);
    return {
      production: deployment.source,
      instances: { control: launched('control'), experiment: launched('experiment') },
      failures: budget.failures,
      creditRate: baseline?.creditRate ?? 0,
    };
  }

  async #countedSoFar(id: string): Promise<CountedSoFar> {
    const { blocks } = await this.evidence(id);
    const last = blocks.at(-1);
    const requests = blocks.reduce((sum, { real }) => sum + real.control.requests + real.experiment.requests, 0);
    return { at: last?.at ?? 0, spent: last?.budget.spent ?? 0, requests };
  }

  /** By which names a balancer's metrics know a run's clusters, or a deployment's alone. */
  async #metersOf(of: string | Deployment, signal: AbortSignal): Promise<Meters> {
    const deployment = typeof of === 'string' ? (await this.#options.store.runs.get(of))?.facts.deployment : of;
    if (deployment === undefined) throw new HaldaneError('not-found', `there is no run ${String(of)} that was planned`);
    const platform = this.#platforms.get(deployment.platform);
    if (platform.meters === undefined)
      throw new HaldaneError('refused', `platform ${platform.id} has no balancer whose metrics could be read; write metrics: router`);
    return platform.meters(deployment, typeof of === 'string' ? of : null, signal);
  }

  /** The policy at work on a platform, as it is when it is asked. One that cannot be read throws: nobody knows what it allows. */
  policy(platform: Platform): SafetyPolicy {
    const { policy = async () => ({ rules: [] }), store } = this.#options;
    const now = async () => ruledBy(await policy(), store.policy, platform, this.#outside);
    return {
      objections: async (asked, signal) => (await now()).objections(asked, signal),
      disturbances: async (asked, signal) => (await now()).disturbances(asked, signal),
      unapproved: async (asked) => (await now()).unapproved(asked),
      reserve: async (asked) => (await now()).reserve(asked),
      settle: (runId, spent) => store.policy.settle(runId, spent),
    };
  }

  /** Services of that name and environment that a run was on before, as they run now, where their platform is connected here. */
  readonly surroundings: Surroundings = {
    look: async ({ environment, service, dependencies }, signal) => {
      const names = dependencies.map(({ name }) => name).filter((name) => name !== service);
      const known = await this.#options.store.policy.whereRunning(environment, names);
      const looked = known.map(async (one): Promise<readonly Neighbour[]> => {
        const platform = this.#platforms.all().find(({ id }) => id === one.platform);
        const live = await platform?.clusters.describe(one.source, signal);
        return live ? [{ service: one.service, revision: live.revision, instances: live.instances.length }] : [];
      });
      return (await Promise.all(looked)).flat();
    },
  };

  /** What one claimed run needs. Throws `unknown-id` naming the known ones. */
  world({ run }: Claim): World {
    const { store, clock } = this.#options;
    const spec = run.experiment;
    const platform = this.#platforms.get(spec.platform);
    const source = this.#metrics.get(spec.metrics);
    return {
      clock,
      pipeline: this.pipeline(spec),
      platform,
      scenario: this.#scenarios.get(spec.scenario.id),
      metrics: platform.contacts === undefined ? source : withContacts(source, platform.contacts),
      alerts: this.alerts(spec),
      prober: this.#prober,
      policy: this.policy(platform),
      surroundings: this.surroundings,
      judge: haldane1,
      runs: store.runs,
      journal: store.journal,
      evidence: store.evidence,
      kinds: ofItsRun(platform.changeKinds, run.id),
      applyTimeoutMs: timing.applyTimeoutMs,
      publish: async (ended) => this.#options.publish(await this.report(ended)),
    };
  }

  criteria(run: Run): Criteria {
    return criteriaOf(run, this.#platforms.get(run.experiment.platform), this.#scenarios.get(run.experiment.scenario.id));
  }

  evidence(runId: string): Promise<Evidence> {
    return this.#options.store.evidence.read(runId);
  }

  /** Everything a report is made from. */
  async report(run: Run): Promise<Report> {
    const { store } = this.#options;
    const [evidence, journal, audit, cameIn] = await Promise.all([
      this.evidence(run.id),
      store.journal.entries(run.id),
      store.audit.head(),
      this.#cameIn(run),
    ]);
    return {
      format: 'haldane-report/1',
      run,
      criteria: this.criteria(run),
      evidence,
      journal: journal.map(({ seq, change, state, note }) => ({ seq, change, state, note })),
      audit,
      ...(cameIn === null ? {} : { cameIn }),
    };
  }

  /** What a bisect has said since of the flaw that the run found. */
  async #cameIn({ service, environment, experiment, facts }: Run): Promise<string | null> {
    if (facts.verdict?.verdict !== 'vulnerable') return null;
    const found = await this.#options.store.gate.entries({ service, environment }, 'came-in');
    const names = [facts.deployment?.commit, facts.deployment?.revision];
    return found.find((one) => one.experiment === experiment.name && names.includes(one.bad))?.why ?? null;
  }
}

import {
  arms,
  type Deployment,
  type ExperimentSpec,
  HaldaneError,
  type Platform,
  type Scenario,
  type TwinOf,
  type TwinOrder,
  type TwinPlane,
} from '@haldane/core';
import { type ChangeList, inOrder } from './change-list.ts';
import type { Equal, Risks, Subject } from './subject.ts';

/** Two twins of a resource that the service has beside its instances. Nobody asks them for anything, so nothing is counted but time. */
export class Twins implements Subject {
  readonly twinOf: TwinOf;
  readonly #platform: Platform;
  readonly #scenario: Scenario;
  readonly #spec: ExperimentSpec;
  readonly #order: TwinOrder;

  constructor(platform: Platform, scenario: Scenario, spec: ExperimentSpec, order: TwinOrder) {
    this.#platform = platform;
    this.#scenario = scenario;
    this.#spec = spec;
    this.#order = order;
    this.twinOf = order.of;
  }

  changes(runId: string, deployment: Deployment): ChangeList {
    const { params } = this.#spec.scenario;
    const target = { runId, deployment, faults: this.#platform.faults };
    return {
      provision: inOrder(this.#scenario.prepare(params, target)),
      attach: null,
      baselineSlice: null,
      watchSlices: () => [],
      inject: this.#spec.fault ? this.#scenario.inject(params, target) : [],
    };
  }

  risks(): Risks {
    return {
      atRisk: [
        {
          who: 'real users',
          requests: 0,
          why: 'no arm is launched and no request is sent: the change is made at a twin that the run makes for it',
        },
      ],
      caps: [
        {
          name: "changes to the service's own",
          limit: '0',
          enforcedBy: 'the platform: it writes only to what carries the name and the tag of this run',
        },
      ],
      notes:
        this.#spec.noticed === null
          ? ['Without noticed nobody says what should be seen, and the run is inconclusive: name rules and a receiver.']
          : [],
    };
  }

  refusals(): readonly string[] {
    const { exposure, metrics } = this.#spec;
    return exposure === 'synthetic' && metrics === 'none'
      ? []
      : [`${this.#scenario.id} is made at twins that nobody asks for anything; write exposure: synthetic and metrics: none`];
  }

  /** They stand once they were made. Equal are those that differ alike from what they were made like. */
  async ready(runId: string, deployment: Deployment, _waitedMs: number, signal: AbortSignal): Promise<Equal> {
    const { like } = this.#order;
    const describe = arms.map((arm) => this.#plane.describe(deployment, runId, arm, this.#order, signal));
    const [control, experiment] = await Promise.all(describe);
    if (!control || !experiment)
      throw new HaldaneError('not-healthy', `the ${control ? 'experiment' : 'control'} twin of ${like} is not there`);
    const passed = control.differs.join() === experiment.differs.join();
    const unlike = (differs: readonly string[]) => differs.join('; ') || 'nothing differs';
    const seen = passed
      ? unlike(experiment.differs)
      : `in control ${unlike(control.differs)}, in the experiment ${unlike(experiment.differs)}`;
    return { passed, seen: `twins of ${like}: ${seen}`, names: { control: control.names, experiment: experiment.names } };
  }

  async healthy() {
    return { control: 0, experiment: 0 };
  }

  async usedBy(runId: string, signal: AbortSignal): Promise<readonly string[]> {
    const used = await Promise.all(arms.map((arm) => this.#plane.usedBy(runId, arm, this.#order, signal)));
    return used.filter((one) => one !== null);
  }

  get #plane(): TwinPlane {
    const { id, faults } = this.#platform;
    if (faults.twins === undefined) throw new HaldaneError('internal', `${this.#scenario.id} has no twins on platform ${id}`);
    return faults.twins;
  }
}

import {
  type AnswerClass,
  type Arm,
  answerClasses,
  type ClusterRole,
  type Difference,
  type InstanceCounts,
  type StrippedKind,
  type Tally,
  type TrafficBlock,
} from '@haldane/core';
import type { KeyNames, KeyNews, RouterTelemetry } from '@haldane/dataplane';
import type { Budget } from './budget.ts';
import { LatencyBins } from './latency-bins.ts';

type Count = { requests: number; failures: number; classes: number[] };
const emptyCount = (): Count => ({ requests: 0, failures: 0, classes: answerClasses.map(() => 0) });
const tallyOf = (count: Count): Tally => ({ requests: count.requests, failures: count.failures, classes: [...count.classes] });
type Names = { readonly [K in keyof KeyNames]: string[] };
const noNames = (): Names => ({ seen: [], succeeded: [], failed: [] });

/** The budget as it stands, as a block tells it. */
export function budgetOf({ spent, cap, credit, hurt, users }: Budget): TrafficBlock['budget'] {
  return users === null ? { spent, cap, credit } : { spent, cap, credit, users: { spent: hurt, cap: users } };
}

const zero = (): Record<Arm, number> => ({ control: 0, experiment: 0 });
const noTraces = (): Record<'failed' | 'well', string[]> => ({ failed: [], well: [] });
const noDifference = (): Record<Difference, number> => ({ same: 0, status: 0, body: 0 });

/** One second of one run while it is being counted. */
export class Second {
  readonly #real: Record<ClusterRole, Count> = { production: emptyCount(), control: emptyCount(), experiment: emptyCount() };
  readonly #latency: Record<Arm, LatencyBins> = { control: new LatencyBins(), experiment: new LatencyBins() };
  readonly keys = zero();
  readonly failedKeys = zero();
  readonly dependencyCalls = zero();
  readonly met = zero();
  /** Failures of an arm that production answered for. */
  readonly shielded = zero();
  readonly mirrored: Record<Arm, Record<Difference, number>> = { control: noDifference(), experiment: noDifference() };
  readonly stripped = new Map<StrippedKind, number>();
  readonly traces: Record<Arm, Record<'failed' | 'well', string[]>> = { control: noTraces(), experiment: noTraces() };
  readonly retries = zero();
  readonly #byInstance: Record<Arm, InstanceCounts[]> = { control: [], experiment: [] };
  switched = 0;
  narrowed = false;
  #budget: TrafficBlock['budget'];
  #names: Record<Arm, Names> | null = null;

  constructor(budget: TrafficBlock['budget']) {
    this.#budget = budget;
  }
  answer(role: ClusterRole, answer: AnswerClass, failed: boolean): void {
    const count = this.#real[role];
    const index = answerClasses.indexOf(answer);
    count.requests += 1;
    count.failures += failed ? 1 : 0;
    count.classes[index] = (count.classes[index] ?? 0) + 1;
  }
  /** The same answer once more, by the instance that gave it. */
  instance(arm: Arm, at: number, failed: boolean): void {
    const counts = this.#byInstance[arm];
    while (counts.length <= at) counts.push({ requests: 0, failures: 0 });
    const { requests, failures } = counts[at] ?? { requests: 0, failures: 0 };
    counts[at] = { requests: requests + 1, failures: failures + (failed ? 1 : 0) };
  }
  latency(arm: Arm, ms: number): void {
    this.#latency[arm].add(ms);
  }
  /** The budget as it stands after the last thing that happened in this second. */
  snapshot(budget: Budget): void {
    this.#budget = budgetOf(budget);
  }
  /** Which key it was, where counts of several routers must be added up. */
  name(arm: Arm, key: string, news: KeyNews): void {
    if (!news.first && !news.firstSuccess && !news.firstFailure) return;
    this.#names ??= { control: noNames(), experiment: noNames() };
    const names = this.#names[arm];
    if (news.first) names.seen.push(key);
    if (news.firstSuccess) names.succeeded.push(key);
    if (news.firstFailure) names.failed.push(key);
  }
  names(at: number): RouterTelemetry['names'][number] | null {
    return this.#names === null ? null : { at, ...this.#names };
  }
  get budget(): TrafficBlock['budget'] {
    return this.#budget;
  }
  close(at: number): TrafficBlock {
    return {
      at,
      real: {
        production: tallyOf(this.#real.production),
        control: tallyOf(this.#real.control),
        experiment: tallyOf(this.#real.experiment),
      },
      keys: { ...this.keys },
      failedKeys: { ...this.failedKeys },
      switched: this.switched,
      dependencyCalls: { ...this.dependencyCalls },
      met: { ...this.met },
      budget: this.#budget,
      narrowed: this.narrowed,
      latency: { control: this.#latency.control.encode(), experiment: this.#latency.experiment.encode() },
      byInstance: { control: [...this.#byInstance.control], experiment: [...this.#byInstance.experiment] },
      retries: { ...this.retries },
      ...this.#asides(),
    };
  }
  /** What only some slices have to tell; left out where there is nothing. */
  #asides(): Pick<TrafficBlock, 'shielded' | 'mirrored' | 'stripped' | 'traces'> {
    const { shielded, mirrored, stripped, traces } = this;
    const copies = Object.values(mirrored).some((of) => of.same + of.status + of.body > 0);
    return {
      ...(shielded.control + shielded.experiment > 0 ? { shielded: { ...shielded } } : {}),
      ...(copies ? { mirrored: { control: { ...mirrored.control }, experiment: { ...mirrored.experiment } } } : {}),
      ...(stripped.size > 0 ? { stripped: Object.fromEntries(stripped) } : {}),
      ...(Object.values(traces).some(({ failed, well }) => failed.length + well.length > 0) ? { traces } : {}),
    };
  }
}

import {
  type Arm,
  arms,
  type ClusterRole,
  type InstanceCounts,
  type StrippedKind,
  strippedKinds,
  type Tally,
  type TrafficBlock,
} from '@haldane/core';
import { KeyBook } from '../key-book.ts';
import type { RouterTelemetry, TelemetryAnswer } from '../wire.ts';

function addStripped(blocks: readonly TrafficBlock[]): NonNullable<TrafficBlock['stripped']> {
  const of = (kind: StrippedKind) => blocks.reduce((sum, block) => sum + (block.stripped?.[kind] ?? 0), 0);
  return Object.fromEntries(strippedKinds.map((kind) => [kind, of(kind)] as const).filter(([, count]) => count > 0));
}

/** As long as routers keep theirs. */
const keptSeconds = 900;

/**
 * Closed seconds of one run at several routers, added up. A second is closed when every router has closed it; a key is counted once,
 * wherever it went, and as switched also when its two arms were seen by two routers.
 */
export class TelemetryMerge {
  readonly #keys = new KeyBook();
  #through = 0;
  #blocks: TrafficBlock[] = [];
  /** Keys that succeeded, in the order in which that was heard. */
  readonly succeeded: string[] = [];

  /** The last epoch second that was added up: routers are asked for what came after. */
  get through(): number {
    return this.#through;
  }
  /** Takes what each router told of the seconds after `through`; says the seconds after `after`. */
  add(told: readonly RouterTelemetry[], after: number): TelemetryAnswer {
    const through = Math.min(...told.map(({ closed }) => closed));
    const seconds = new Set(told.flatMap(({ blocks }) => blocks.map(({ at }) => at)));
    for (const at of [...seconds].sort((a, b) => a - b)) if (at > this.#through && at <= through) this.#blocks.push(this.#sum(told, at));
    this.#through = Math.max(this.#through, through);
    this.#blocks = this.#blocks.filter(({ at }) => at > this.#through - keptSeconds);
    return {
      blocks: this.#blocks.filter(({ at }) => at > after),
      now: Math.min(...told.map(({ now }) => now)),
      attached: told.every(({ attached }) => attached),
    };
  }

  /**
   * The second that still counts, from what each router said last: counts of that second alone, the budget as it stands everywhere. Whose
   * requests they were is known once the second is closed. Null when no second is open.
   */
  open(last: readonly TrafficBlock[]): TrafficBlock | null {
    const at = Math.max(0, ...last.map((block) => block.at));
    if (at <= this.#through) return null;
    const now = last.filter((block) => block.at === at);
    const none = { control: 0, experiment: 0 };
    return { ...addBlocks(now, at), budget: addBudgets(last), keys: none, failedKeys: none, switched: 0 };
  }

  #sum(told: readonly RouterTelemetry[], at: number): TrafficBlock {
    const blocks = told.flatMap((one) => one.blocks.filter((block) => block.at === at));
    return { ...addBlocks(blocks, at), ...this.#count(told, at) };
  }

  #count(told: readonly RouterTelemetry[], at: number): Pick<TrafficBlock, 'keys' | 'failedKeys' | 'switched'> {
    const keys: Record<Arm, number> = { control: 0, experiment: 0 };
    const failedKeys: Record<Arm, number> = { control: 0, experiment: 0 };
    let switched = 0;
    for (const names of told.flatMap((one) => one.names.filter((of) => of.at === at)))
      for (const arm of arms) {
        const { seen, succeeded, failed } = names[arm];
        const note = (key: string, success: boolean, failure: boolean) => {
          const news = this.#keys.note(key, arm, success, failure);
          if (news.first) keys[arm] += 1;
          if (news.firstSuccess) this.succeeded.push(key);
          if (news.firstFailure) failedKeys[arm] += 1;
          if (news.switched) switched += 1;
        };
        for (const key of seen) note(key, false, false);
        for (const key of succeeded) note(key, true, false);
        for (const key of failed) note(key, false, true);
      }
    return { keys, failedKeys, switched };
  }
}

/** Every router has the instances in the order in which the run was attached. */
function addInstances(blocks: readonly TrafficBlock[], arm: Arm): readonly InstanceCounts[] {
  const all = blocks.map(({ byInstance }) => byInstance?.[arm] ?? []);
  return Array.from({ length: Math.max(0, ...all.map(({ length }) => length)) }, (_, i) => ({
    requests: all.reduce((sum, counts) => sum + (counts[i]?.requests ?? 0), 0),
    failures: all.reduce((sum, counts) => sum + (counts[i]?.failures ?? 0), 0),
  }));
}

/** One second at several routers, but for its keys: who was at two of them is one user. */
function addBlocks(blocks: readonly TrafficBlock[], at: number): Omit<TrafficBlock, 'keys' | 'failedKeys' | 'switched'> {
  const total = (of: (block: TrafficBlock) => number) => blocks.reduce((sum, block) => sum + of(block), 0);
  const both = <T>(of: (arm: Arm) => T): Record<Arm, T> => ({ control: of('control'), experiment: of('experiment') });
  const tally = (role: ClusterRole): Tally => ({
    requests: total(({ real }) => real[role].requests),
    failures: total(({ real }) => real[role].failures),
    classes: (blocks[0]?.real[role].classes ?? []).map((_, i) => total(({ real }) => real[role].classes[i] ?? 0)),
  });
  return {
    at,
    real: { production: tally('production'), control: tally('control'), experiment: tally('experiment') },
    dependencyCalls: both((arm) => total((block) => block.dependencyCalls[arm])),
    met: both((arm) => total((block) => block.met[arm])),
    budget: addBudgets(blocks),
    narrowed: blocks.some(({ narrowed }) => narrowed),
    latency: both((arm) => addBins(blocks.map(({ latency }) => latency[arm]))),
    ...(blocks.every(({ byInstance }) => byInstance) ? { byInstance: both((arm) => addInstances(blocks, arm)) } : {}),
    // A request that comes again by another router is not recognised there.
    ...(blocks.every(({ retries }) => retries) ? { retries: both((arm) => total((block) => block.retries?.[arm] ?? 0)) } : {}),
    ...(blocks.some(({ shielded }) => shielded) ? { shielded: both((arm) => total((block) => block.shielded?.[arm] ?? 0)) } : {}),
    ...(blocks.some(({ mirrored }) => mirrored)
      ? {
          mirrored: both((arm) => ({
            same: total((block) => block.mirrored?.[arm].same ?? 0),
            status: total((block) => block.mirrored?.[arm].status ?? 0),
            body: total((block) => block.mirrored?.[arm].body ?? 0),
          })),
        }
      : {}),
    ...(blocks.some(({ stripped }) => stripped) ? { stripped: addStripped(blocks) } : {}),
    ...(blocks.some(({ traces }) => traces)
      ? {
          traces: both((arm) => ({
            failed: blocks.flatMap(({ traces }) => traces?.[arm].failed ?? []),
            well: blocks.flatMap(({ traces }) => traces?.[arm].well ?? []),
          })),
        }
      : {}),
  };
}

function addBudgets(blocks: readonly TrafficBlock[]): TrafficBlock['budget'] {
  const budgets = blocks.map(({ budget }) => budget);
  const users = budgets.flatMap((one) => (one.users === undefined ? [] : [one.users]));
  return {
    spent: budgets.reduce((sum, { spent }) => sum + spent, 0),
    cap: Math.max(...budgets.map(({ cap }) => cap)),
    credit: budgets.reduce((sum, { credit }) => sum + credit, 0),
    // A key that failed at two routers is two of the leased units, and told as such.
    ...(users.length === 0
      ? {}
      : { users: { spent: users.reduce((sum, one) => sum + one.spent, 0), cap: Math.max(...users.map(({ cap }) => cap)) } }),
  };
}

function addBins(all: readonly (readonly (readonly [number, number])[])[]): readonly (readonly [number, number])[] {
  const counts = new Map<number, number>();
  for (const [index, count] of all.flat()) counts.set(index, (counts.get(index) ?? 0) + count);
  return [...counts].sort(([a], [b]) => a - b);
}

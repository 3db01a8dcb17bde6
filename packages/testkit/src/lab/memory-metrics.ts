import type { Arm, Clock, ClusterRole, MetricSource, Reading, Tally, TrafficBlock } from '@haldane/core';
import { arms } from '@haldane/core';
import { Carry, conductOf, lastClosedSecond, type Script } from './conduct.ts';
import { type History, overlapMs } from './history.ts';

export type TrafficOptions = {
  readonly clock: Clock;
  readonly history: History;
  readonly script: Script;
  /** Requests a second on the whole route. */
  readonly rate: number;
  /** The share of an arm, by the slice's name. */
  readonly shareOf: (slice: string) => number;
  /** Control gets so many times the share; absent: as much. */
  readonly controlTimes?: number;
  /** Failures that the router lets happen. */
  readonly cap: number;
  /** Calls a second of an arm to its dependencies. */
  readonly callsPerSecond: number;
};

/** Counts of real traffic as they follow from what stood when: users are in the arms exactly while a slice stands. */
export class MemoryMetrics implements MetricSource {
  readonly id = 'memory';
  /** Why nothing is answered; null while everything is. */
  silent: string | null = null;
  /** The budget as the second that still counts has it; null when nobody hears of that second. */
  hears: TrafficBlock['budget'] | null = null;
  /** Runs that their reader left. */
  readonly left: string[] = [];
  readonly #options: TrafficOptions;
  readonly #carry = new Carry();
  readonly #blocks = new Map<string, TrafficBlock[]>();

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  async read(runId: string, after: number): Promise<Reading<TrafficBlock>> {
    if (this.silent !== null) return { state: 'unavailable', why: this.silent };
    const attached = this.#options.history.spans(`attached:${runId}`)[0];
    if (attached === undefined) return { state: 'no-data' };
    const blocks = this.#blocks.get(runId) ?? [];
    this.#blocks.set(runId, blocks);
    const last = lastClosedSecond(this.#options.clock.now());
    for (let at = Math.floor(attached.from / 1000) + blocks.length; at <= last; at += 1) blocks.push(this.#count(runId, at, blocks.at(-1)));
    return { state: 'ok', points: blocks.filter((block) => block.at > after) };
  }

  open(runId: string): TrafficBlock | null {
    const last = this.#blocks.get(runId)?.at(-1);
    return this.hears === null || last === undefined ? null : { ...last, at: last.at + 1, budget: this.hears };
  }
  leave(runId: string): void {
    this.left.push(runId);
  }
  /** The mean share of an arm over a second: where slices stand together, the latest governs. */
  #share(runId: string, at: number): number {
    const { history, shareOf } = this.#options;
    const prefix = `slice:${runId}.`;
    const slices = history.spans(prefix);
    const second = { from: at * 1000, to: (at + 1) * 1000 };
    return slices.reduce((sum, slice, i) => {
      const later = slices[i + 1]?.from ?? Number.POSITIVE_INFINITY;
      const governs = { from: slice.from, to: Math.min(slice.to ?? Number.POSITIVE_INFINITY, later) };
      return sum + (overlapMs(governs, second) / 1000) * shareOf(slice.what.slice(prefix.length));
    }, 0);
  }

  #count(runId: string, at: number, before: TrafficBlock | undefined): TrafficBlock {
    const { history, script, rate, controlTimes = 1, cap, callsPerSecond } = this.#options;
    const part = (prefix: string) => history.part(prefix, at * 1000, (at + 1) * 1000);
    const faulted = (arm: Arm) => part(`fault:${runId}.${arm}.`);
    const attached = part(`attached:${runId}`);
    const inArm = Math.round(rate * this.#share(runId, at));
    let spent = before?.budget.spent ?? 0;
    const tally = (who: ClusterRole, requests: number): Tally => {
      const { failing } = conductOf(script, who, who !== 'production' && faulted(who) > 0, at);
      const wanted = this.#carry.take(`${runId} ${who}`, requests * failing);
      const failures = who === 'production' ? wanted : Math.min(wanted, cap - spent);
      if (who !== 'production') spent += failures;
      return { requests, failures, classes: [requests - failures, 0, 0, 0, 0, 0, failures, 0] };
    };
    const real = {
      production: tally('production', rate - (1 + controlTimes) * inArm),
      control: tally('control', controlTimes * inArm),
      experiment: tally('experiment', inArm),
    };
    const byArm = <T>(of: (arm: Arm) => T) => ({ control: of('control'), experiment: of('experiment') });
    return {
      at,
      real,
      keys: byArm(() => 0),
      failedKeys: byArm(() => 0),
      switched: 0,
      dependencyCalls: byArm(() => Math.round(callsPerSecond * attached)),
      met: byArm((arm) => Math.round(callsPerSecond * attached * faulted(arm))),
      budget: { spent, cap, credit: 0 },
      narrowed: false,
      latency: Object.fromEntries(arms.map((arm) => [arm, inArm === 0 ? [] : [[230, inArm]]])) as unknown as TrafficBlock['latency'],
    };
  }
}

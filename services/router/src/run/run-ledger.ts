import type { AnswerClass, Arm, BudgetCaps, Difference, StrippedKind, TrafficBlock } from '@haldane/core';
import { KeyBook, type RouterTelemetry } from '@haldane/dataplane';
import type { RouterTime } from '../time.ts';
import { Budget } from './budget.ts';
import { Deadlines } from './deadlines.ts';
import { packed, unpacked } from './latency-bins.ts';
import { RetryBook } from './retry-book.ts';
import { budgetOf, Second } from './second.ts';

/** A block closes this long after its second ended. */
const graceMs = 250;
/** Closed blocks are kept for 15 minutes. */
const keptSeconds = 900;
/** Trace ids that a run keeps, by arm and kind. */
const mostExemplars = 20;

/** Where a real request went, and in an arm its user's hash. */
export type Whose = { readonly role: 'production' } | { readonly role: Arm; readonly key: string };

/** What became of one real request. */
export type Outcome = {
  readonly whose: Whose;
  readonly answer: AnswerClass;
  readonly failed: boolean;
  readonly latencyMs: number | null;
  /** Who got this answer: the user, whose failure is charged; nobody (a copy); or production answered in its place, and what that came to is told later. */
  readonly seenBy: 'user' | 'nobody' | 'shielded';
  /** The trace that it belongs to; null where none is known. */
  readonly traceId: string | null;
  /** Which instance of its cluster it went to last; null when it went to none. */
  readonly instance: number | null;
  /** It repeats an earlier request: charged, and counted as nothing but a retry. */
  readonly again: boolean;
};

/** A closed second, as it waits to be told. */
type Kept = Omit<TrafficBlock, 'latency'> & { readonly latency: Readonly<Record<Arm, Int32Array>> };
const kept = (block: TrafficBlock): Kept => ({
  ...block,
  latency: { control: packed(block.latency.control), experiment: packed(block.latency.experiment) },
});
const told = (block: Kept): TrafficBlock => ({
  ...block,
  latency: { control: unpacked(block.latency.control), experiment: unpacked(block.latency.experiment) },
});

/**
 * What one run did to real traffic: its budget and its closed seconds. Outlives the run's attachment, so that what was in
 * flight at the end is counted and the spent budget stays spent if the run comes back.
 */
export class RunLedger {
  /** Of what this run limits in time. */
  readonly deadlines = new Deadlines();
  readonly budget: Budget;
  readonly keys = new KeyBook();
  readonly retries = new RetryBook();
  readonly #time: RouterTime;
  readonly #open = new Map<number, Second>();
  #closed: Kept[] = [];
  /** The second that is closed next; null before the run was first attached. */
  #next: number | null = null;
  #attached = false;
  /** Answers of arms out of which something was taken that would have outlived them, by what it was. */
  readonly stripped = new Map<StrippedKind, number>();
  readonly #exemplars = { control: { failed: 0, well: 0 }, experiment: { failed: 0, well: 0 } };
  #detachedAt: number;
  #last: TrafficBlock['budget'];
  #names: RouterTelemetry['names'][number][] = [];
  #changes = 0;

  /** `lost`: an earlier life of this router served the run, so its budget counts as spent. */
  constructor(time: RouterTime, lost = false) {
    this.#time = time;
    this.budget = new Budget(lost);
    this.#last = budgetOf(this.budget);
    this.#detachedAt = time.now();
  }

  /** From now on every second is told, also an empty one. */
  attach(): void {
    this.close();
    if (!this.#attached) this.#next = Math.max(this.#next ?? 0, Math.floor(this.#time.now() / 1000));
    this.#attached = true;
  }
  /** Only seconds in which something still happened are told from now on. */
  detach(): void {
    this.close();
    this.#attached = false;
    this.#detachedAt = this.#time.now();
  }
  /** Nobody can want it any more. */
  isForgotten(): boolean {
    return !this.#attached && this.budget.inFlight === 0 && this.#time.now() - this.#detachedAt > keptSeconds * 1000;
  }

  limit(caps: BudgetCaps, leased: boolean): void {
    this.budget.limit(caps, leased);
    this.#second()?.snapshot(this.budget);
  }
  /** Reserves a unit of the budget, or marks the second as narrowed. */
  admit(key: string): boolean {
    const admitted = this.budget.admit(key);
    if (!admitted) this.narrow();
    this.#second()?.snapshot(this.budget);
    return admitted;
  }
  /** A limit held a request back in this second. */
  narrow(): void {
    const second = this.#second();
    if (second) second.narrowed = true;
  }
  settle(outcome: Outcome): void {
    const second = this.#second();
    const { whose } = outcome;
    if (whose.role !== 'production') {
      this.#settleArm(whose.role, whose.key, outcome, second);
      second?.snapshot(this.budget);
    }
    if (!outcome.again) second?.answer(whose.role, outcome.answer, outcome.failed);
  }
  /** What a user got whom production answered in an arm's place. */
  settleUser(key: string, harmed: boolean): void {
    if (harmed) this.budget.charge(key);
    else this.budget.release(key);
    this.#second()?.snapshot(this.budget);
  }
  /** Something was taken out of an arm's answer, so that it leaves nothing behind. */
  strip(kind: StrippedKind): void {
    this.stripped.set(kind, (this.stripped.get(kind) ?? 0) + 1);
    const second = this.#second();
    if (second) second.stripped.set(kind, (second.stripped.get(kind) ?? 0) + 1);
  }
  /** How an arm answered the copy of a request that production answered. */
  compared(arm: Arm, difference: Difference): void {
    const second = this.#second();
    if (second) second.mirrored[arm][difference] += 1;
  }
  /** A call of this arm to a dependency, and whether it met a fault. */
  call(arm: Arm, met: boolean): void {
    const second = this.#second();
    if (!second) return;
    second.dependencyCalls[arm] += 1;
    if (met) second.met[arm] += 1;
  }
  /** A request to this arm met a fault on its way there. */
  meet(arm: Arm): void {
    const second = this.#second();
    if (second) second.met[arm] += 1;
  }
  /** How often something was counted so far: whoever knows another number has news to hear. */
  get changes(): number {
    return this.#changes;
  }
  /** The second that counts now, as it stands; null when nothing happened in it. */
  open(): TrafficBlock | null {
    this.close();
    const at = this.#now();
    return (at === null ? undefined : this.#open.get(at))?.close(at ?? 0) ?? null;
  }
  /** The newest second that was closed and is still told (epoch second); null when there is none. */
  get closedAt(): number | null {
    return this.#closed.at(-1)?.at ?? null;
  }
  /** Closed seconds after the epoch second `after`, oldest first. */
  since(after: number): readonly TrafficBlock[] {
    this.close();
    return this.#closed.filter((block) => block.at > after).map(told);
  }
  /** As `since`, with which keys stand behind the counts, and how far all of it is closed. */
  names(after: number): Pick<RouterTelemetry, 'blocks' | 'closed' | 'names'> {
    const blocks = this.since(after);
    return { blocks, closed: (this.#next ?? 0) - 1, names: this.#names.filter(({ at }) => at > after) };
  }

  /** Closes what is due. Called at every use, and by the router's own tick so that nothing piles up. */
  close(): void {
    if (this.#next === null) return;
    const end = Math.floor((this.#time.now() - graceMs) / 1000);
    this.#next = Math.max(this.#next, end - keptSeconds);
    for (; this.#next < end; this.#next += 1) {
      const second = this.#open.get(this.#next);
      this.#open.delete(this.#next);
      if (!second && !this.#attached) continue;
      const block = (second ?? new Second(this.#last)).close(this.#next);
      const names = second?.names(this.#next) ?? null;
      if (names !== null) this.#names.push(names);
      this.#last = block.budget;
      this.#closed.push(kept(block));
    }
    for (const at of this.#open.keys()) if (at < end) this.#open.delete(at);
    const oldest = end - keptSeconds;
    if (this.#closed[0] && this.#closed[0].at < oldest) this.#closed = this.#closed.filter((block) => block.at >= oldest);
    if (this.#names[0] && this.#names[0].at < oldest) this.#names = this.#names.filter(({ at }) => at >= oldest);
  }

  #settleArm(arm: Arm, key: string, outcome: Outcome, second: Second | undefined): void {
    if (outcome.seenBy === 'shielded') {
      if (outcome.failed && second) second.shielded[arm] += 1;
    } else if (outcome.seenBy === 'user') {
      if (outcome.failed) this.budget.charge(key);
      else this.budget.release(key);
    }
    if (outcome.traceId !== null && second) this.#keepTrace(arm, outcome.failed, outcome.traceId, second);
    if (outcome.again) {
      if (second) second.retries[arm] += 1;
      return;
    }
    if (outcome.instance !== null) second?.instance(arm, outcome.instance, outcome.failed);
    if (outcome.latencyMs !== null) second?.latency(arm, outcome.latencyMs);
    const news = this.keys.note(key, arm, outcome.answer === 'success', outcome.failed);
    if (!second) return;
    if (this.budget.isLeased) second.name(arm, key, news);
    if (news.first) second.keys[arm] += 1;
    if (news.firstFailure) second.failedKeys[arm] += 1;
    if (news.switched) second.switched += 1;
  }

  /** A few ids are enough to find the others: one a second, arm and kind, and so many in all. */
  #keepTrace(arm: Arm, failed: boolean, traceId: string, second: Second): void {
    const kind = failed ? 'failed' : 'well';
    if (second.traces[arm][kind].length > 0 || this.#exemplars[arm][kind] >= mostExemplars) return;
    this.#exemplars[arm][kind] += 1;
    second.traces[arm][kind].push(traceId);
  }

  /** If the wall clock was set back, the earliest second that is still open. */
  #now(): number | null {
    return this.#next === null ? null : Math.max(Math.floor(this.#time.now() / 1000), this.#next);
  }
  /** The second that counts now. */
  #second(): Second | undefined {
    this.#changes += 1;
    const at = this.#now();
    if (at === null) return undefined;
    let second = this.#open.get(at);
    if (!second) {
      second = new Second(budgetOf(this.budget));
      this.#open.set(at, second);
    }
    return second;
  }
}

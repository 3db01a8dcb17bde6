import { type Claim, type Clock, messageOf, type Run, type RunEvent, type Trace, type TraceFacts, untraced } from '@haldane/core';
import { AbortWatch, drive, giveUp, type HeldLease, holdLease, rescue } from '@haldane/engine';
import { type Hand, story, subjectOf, type World } from '@haldane/experiment';
import type { Store } from '@haldane/store';

/** How long a runner may be silent. Effects end by themselves before that; a rescuer comes after it. */
export type Timing = {
  readonly leaseMs: number;
  readonly renewEveryMs: number;
  readonly applyTimeoutMs: number;
  readonly claimEveryMs: number;
  /** How long a run that is handed over may wait to be taken: others look many times meanwhile, and its effects last longer. */
  readonly offeredMs: number;
};
export const timing: Timing = { leaseMs: 15_000, renewEveryMs: 2_000, applyTimeoutMs: 8_000, claimEveryMs: 200, offeredMs: 3_000 };

/** A run that cannot be put together is put off, each time for twice as long. */
const putOffMs = { first: 2_000, most: 60_000 } as const;
/** After so many times in a row (two minutes) it ends, if nothing of it is in the world. */
const patience = 6;

export type RunnerOptions = {
  readonly name: string;
  /** It takes runs of these pools, and runs of none. */
  readonly pools?: readonly string[];
  readonly store: Pick<Store, 'runs' | 'journal'>;
  readonly clock: Clock;
  /** Puts together what a run needs, by its ids. Throws `unknown-id`. */
  readonly assemble: (claim: Claim) => World;
  /** Told of what went wrong outside any run's own events. */
  readonly onTrouble: (what: string, error: unknown) => void;
  /** Sees each claimed run from its claim until it is left, and what is done in it. */
  readonly traced?: Traced;
  readonly atOnce?: number;
  readonly timing?: Timing;
};

/** Whoever watches runs: one as a whole, and the pieces of it. */
export type Traced = {
  readonly trace: Trace;
  run<T>(claim: Claim, work: (note: (facts: TraceFacts) => void) => Promise<T>): Promise<T>;
};

type InHand = {
  readonly run: Run;
  /** Aborted: the run is left between two stages, for others or because all but what is stuck is over. */
  readonly leave: AbortController;
  /** Why it was offered to others; null when it was not. */
  offered: string | null;
  over: Promise<void>;
};

/** Claims runs and drives each to its end, or puts back one that lost its runner. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #stopping = new AbortController();
  readonly #aborts: AbortWatch;
  readonly #driving = new Map<string, InHand>();
  #claiming: Promise<void> | null = null;

  readonly #timing: Timing;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#aborts = new AbortWatch(options.store.runs, options.clock);
    this.#timing = options.timing ?? timing;
  }

  start(): void {
    this.#claiming ??= this.#claim();
  }

  /** Asks every run in hand to stop, waits until each is put back and over, and claims no more. */
  async stop(why: string): Promise<void> {
    await this.handOver(why, () => false);
  }

  /**
   * Claims no more, and leaves every run that `may` be left between two stages for another runner to go on with; the others are asked to
   * stop, and one that is being put back is put back first. What nobody holds a little later is taken back and stopped: there is nobody
   * else. Who else is there is not asked, for it would be out of date by the time of the answer.
   */
  async handOver(why: string, may: (run: Run) => boolean = () => true): Promise<void> {
    this.#stopping.abort(new Error(why));
    await this.#claiming;
    const { runs } = this.#options.store;
    const stopped = [...this.#driving.values()].filter((inHand) => !may(inHand.run));
    for (const inHand of this.#driving.values()) {
      if (stopped.includes(inHand)) continue;
      inHand.offered = why;
      inHand.leave.abort();
    }
    await Promise.all(stopped.map(({ run }) => runs.askAbort(run.id, why)));
    await this.#untilOver();
  }

  /** What is stuck stays in the journal; whoever starts next goes on putting it back. Nobody waits here for that. */
  async #untilOver(): Promise<void> {
    const over = Promise.all([...this.#driving.values()].map((inHand) => inHand.over));
    let ended = false;
    void over.then(() => {
      ended = true;
    });
    while (!ended) {
      await Promise.race([over, this.#options.clock.sleep(500)]);
      const phases = await Promise.all([...this.#driving.keys()].map(async (id) => (await this.#options.store.runs.get(id))?.phase));
      if (phases.length > 0 && phases.every((phase) => phase === 'reporting'))
        for (const inHand of this.#driving.values()) inHand.leave.abort();
    }
  }

  async #claim(): Promise<void> {
    const { store, clock, name, pools = [], onTrouble, atOnce = 32 } = this.#options;
    const { leaseMs, applyTimeoutMs, claimEveryMs } = this.#timing;
    while (!this.#stopping.signal.aborted) {
      let claimed = false;
      try {
        const claim = this.#driving.size < atOnce ? await store.runs.claim(name, leaseMs, applyTimeoutMs, pools) : null;
        if (claim !== null) {
          claimed = true;
          void this.#take(claim);
        }
      } catch (error) {
        onTrouble('claiming', error);
      }
      if (!claimed) await clock.sleep(claimEveryMs, this.#stopping.signal).catch(() => undefined);
    }
  }

  /** Resolves when the run is over, or somebody else's. */
  #take(claim: Claim): Promise<void> {
    const { id } = claim.run;
    const inHand: InHand = { run: claim.run, leave: new AbortController(), offered: null, over: Promise.resolve() };
    this.#driving.set(id, inHand);
    inHand.over = this.#drive(claim, inHand.leave.signal)
      .then(async (end) => {
        if (end === 'given-back' && inHand.offered !== null) await this.#takeBack(id, inHand.offered);
      })
      .catch((error: unknown) => this.#options.onTrouble(`run ${id}`, error))
      .finally(() => {
        if (this.#driving.get(id) === inHand) this.#driving.delete(id);
      });
    return inHand.over;
  }

  /** Ends a run that was offered to others, unless one of them drives it by now. */
  async #takeBack(id: string, why: string): Promise<void> {
    const { store, clock, name } = this.#options;
    await clock.sleep(this.#timing.offeredMs);
    const claim = await store.runs.takeBack(id, name, this.#timing.leaseMs);
    if (claim === null) return;
    await store.runs.askAbort(id, `${why}, and no other runner took the run`);
    await this.#take(claim);
  }

  #drive(claimed: Claim, leave: AbortSignal): Promise<'over' | 'given-back'> {
    const { traced, store } = this.#options;
    if (traced === undefined) return this.#driveOn(claimed, leave, untraced);
    return traced.run(claimed, async (note) => {
      const end = await this.#driveOn(claimed, leave, traced.trace);
      const run = await store.runs.get(claimed.run.id).catch(() => null);
      if (end === 'given-back') note({ end });
      else if (run !== null)
        note({
          end: run.phase,
          ...(run.stop && { stop: run.stop.reason }),
          ...(run.facts.verdict && { verdict: run.facts.verdict.verdict }),
        });
      return end;
    });
  }

  async #driveOn(claimed: Claim, leave: AbortSignal, trace: Trace): Promise<'over' | 'given-back'> {
    const { store, clock, onTrouble } = this.#options;
    const { leaseMs, renewEveryMs } = this.#timing;
    // Before all else: a run that was lost must not look like one that was given back.
    const claim = { ...claimed, run: await rescue(store.runs, claimed, clock) };
    const { fence, run } = claim;
    let world: World;
    try {
      world = { ...this.#options.assemble(claim), trace };
    } catch (error) {
      await this.#putOff(claim, error);
      return 'over';
    }
    const hold: HeldLease = await holdLease(store.runs, fence, {
      leaseMs,
      renewEveryMs,
      clock,
      renewEffects: (until, signal) =>
        world.platform.renew(run.id, until, signal, subjectOf(world.platform, world.scenario, run.experiment).twinOf),
      onTrouble: (error) => onTrouble(`renewing run ${run.id}`, error),
    });
    try {
      const tell = async (type: RunEvent['type'], data: RunEvent['data']) => void (await store.runs.tell(fence, type, data));
      const hand: Hand = { hold, lost: hold.lost, tell };
      const { stages, leave: leaveIt } = story(world, hand);
      const driven = await drive(run, stages, undefined, {
        runs: store.runs,
        journal: world.journal,
        kinds: world.kinds,
        clock,
        hold,
        aborts: this.#aborts,
        handOver: leave,
        trace,
      });
      if (driven.end === 'done') return 'over';
      await leaveIt(driven.run);
      await store.runs.release(fence);
      return 'given-back';
    } finally {
      await hold.stop();
    }
  }

  /** Nobody here can drive it now. Another runner may, or this one after an update: so not at once, and not for ever. */
  async #putOff(claim: Claim, error: unknown): Promise<void> {
    const { store, clock, onTrouble } = this.#options;
    const { fence, putOff } = claim;
    const failed = messageOf(error);
    onTrouble(`putting run ${fence.runId} together`, error);
    if (putOff + 1 >= patience) {
      const left = await giveUp(store, claim, `it could not be put together ${putOff + 1} times: ${failed}`, clock);
      if (left.length === 0) return;
      if (putOff + 1 === patience) await store.runs.tell(fence, 'stuck', { stuck: left, why: failed });
    }
    const ms = Math.min(putOffMs.most, putOffMs.first * 2 ** putOff);
    await store.runs.tell(fence, 'note', { failed, triedAgainInSeconds: ms / 1000 });
    await store.runs.putOff(fence, ms);
  }
}

import { type Claim, type Clock, hasCode, messageOf } from '@haldane/core';
import { drive, type HeldLease, holdLease, rescue } from '@haldane/engine';
import { type Hand, story, type World } from '@haldane/experiment';
import type { Store } from '@haldane/store';

/** How long a runner may be silent. Effects end by themselves before that; a rescuer comes after it. */
export const timing = { leaseMs: 15_000, renewEveryMs: 2_000, applyTimeoutMs: 8_000, claimEveryMs: 200 } as const;

export type RunnerOptions = {
  readonly name: string;
  readonly store: Pick<Store, 'runs'>;
  readonly clock: Clock;
  /** Puts together what a run needs, by its ids. Throws `unknown-id`. */
  readonly assemble: (claim: Claim) => World;
  /** Told of what went wrong outside any run's own events. */
  readonly onTrouble: (what: string, error: unknown) => void;
  readonly atOnce?: number;
};

/** Claims runs and drives each to its end, or puts back one that lost its runner. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #stopping = new AbortController();
  readonly #driving = new Map<string, Promise<void>>();
  /** Lets go of a run that is over but for what could not be put back. */
  readonly #letGo = new AbortController();
  #claiming: Promise<void> | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#claiming ??= this.#claim();
  }

  /** Asks every run in hand to stop, waits until each is put back and over, and claims no more. */
  async stop(why: string): Promise<void> {
    this.#stopping.abort(new Error(why));
    await this.#claiming;
    await Promise.all([...this.#driving.keys()].map((id) => this.#options.store.runs.askAbort(id, why)));
    const over = Promise.all(this.#driving.values());
    let ended = false;
    void over.then(() => {
      ended = true;
    });
    while (!ended) {
      await Promise.race([over, this.#options.clock.sleep(500)]);
      const phases = await Promise.all([...this.#driving.keys()].map(async (id) => (await this.#options.store.runs.get(id))?.phase));
      // What is stuck stays in the journal; whoever starts next goes on putting it back. Nobody waits here for that.
      if (phases.length > 0 && phases.every((phase) => phase === 'reporting')) this.#letGo.abort();
    }
  }

  async #claim(): Promise<void> {
    const { store, clock, name, onTrouble, atOnce = 32 } = this.#options;
    while (!this.#stopping.signal.aborted) {
      let claimed = false;
      try {
        const claim = this.#driving.size < atOnce ? await store.runs.claim(name, timing.leaseMs, timing.applyTimeoutMs) : null;
        if (claim !== null) {
          claimed = true;
          const { id } = claim.run;
          this.#driving.set(
            id,
            this.#drive(claim)
              .catch((error: unknown) => onTrouble(`run ${id}`, error))
              .finally(() => this.#driving.delete(id)),
          );
        }
      } catch (error) {
        onTrouble('claiming', error);
      }
      if (!claimed) await clock.sleep(timing.claimEveryMs, this.#stopping.signal).catch(() => undefined);
    }
  }

  async #drive(claim: Claim): Promise<void> {
    const { store, clock, onTrouble } = this.#options;
    const runId = claim.run.id;
    let hold: HeldLease;
    let world: World;
    try {
      world = this.#options.assemble(claim);
      hold = await holdLease(store.runs, claim.fence, {
        leaseMs: timing.leaseMs,
        renewEveryMs: timing.renewEveryMs,
        clock,
        renewEffects: (until, signal) => world.platform.renew(runId, until, signal),
        onTrouble: (error) => onTrouble(`renewing run ${runId}`, error),
      });
    } catch (error) {
      await store.runs.tell(runId, 'note', { failed: messageOf(error) });
      throw error;
    }
    try {
      const run = await rescue(store.runs, claim, clock);
      const hand: Hand = { hold, lost: hold.lost, tell: async (type, data) => void (await store.runs.tell(runId, type, data)) };
      const { end } = await drive(run, story(world, hand), undefined, {
        runs: store.runs,
        journal: world.journal,
        kinds: world.kinds,
        clock,
        hold,
        handOver: this.#letGo.signal,
      });
      if (end === 'handed-over') await store.runs.release(claim.fence);
    } catch (error) {
      if (!hasCode(error, 'lease-lost')) throw error;
      await store.runs.tell(runId, 'note', { failed: messageOf(error) });
    } finally {
      await hold.stop();
    }
  }
}

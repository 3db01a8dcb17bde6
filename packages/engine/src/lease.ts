import type { Clock, Fence, RunStore } from '@haldane/core';
import { HaldaneError, hasCode } from '@haldane/core';
import { ticks, within } from './within.ts';

/** The right to change the world for a run, and how much of it is left. */
export type Hold = {
  readonly fence: Fence;
  /** Milliseconds for which the run's lease lasts at least; 0 or less when it may have ended. */
  leaseLeft(): number;
};

export interface HeldLease extends Hold {
  /** Aborts with `lease-lost` as soon as the lease has ended or another holds the run. */
  readonly lost: AbortSignal;
  /** Ends the heartbeat, and aborts `lost`; the lease then runs out, or is given back with `RunStore.release`. */
  stop(): Promise<void>;
}

export type HoldOptions = {
  readonly leaseMs: number;
  /** How often the heartbeat comes. Well below the lease less the longest apply time-out. */
  readonly renewEveryMs: number;
  readonly clock: Clock;
  /** Renews every effect of the run until this moment (epoch ms by this machine's clock). Called only after the run's own lease was renewed. */
  readonly renewEffects: (until: number, signal: AbortSignal) => Promise<void>;
  /** By how much effects end before the run's lease does. */
  readonly marginMs?: number;
  /** Told when a renewal failed and will be tried again. Never throws. */
  readonly onTrouble?: (error: unknown) => void;
};

/**
 * Holds a claimed run: renews its lease at once (throws when that fails, and not for a moment only) and then with every heartbeat, each time first in
 * the store, then at the effects. What is left is counted from a reading taken *before* the renewal was sent, by the clock
 * of the day and by the monotonic one, whichever says less: a machine that slept, and a clock that was set back, both see
 * no more lease than there is.
 */
export async function holdLease(store: Pick<RunStore, 'renew'>, fence: Fence, options: HoldOptions): Promise<HeldLease> {
  const { clock, leaseMs, renewEveryMs, marginMs = Math.min(1000, leaseMs / 10) } = options;
  if (!(renewEveryMs > 0 && renewEveryMs < leaseMs))
    throw new HaldaneError('internal', `renewEveryMs is ${renewEveryMs}; it must be above 0 and below leaseMs (${leaseMs})`);
  // What is slow on a busy machine is no trouble yet; after so long there is still time to try again, more than once.
  const effectsWithinMs = Math.max(renewEveryMs, leaseMs / 4);
  // What hangs is given up while there is time for others, and tried again soon.
  const renewWithinMs = leaseMs / 3;
  const againMs = Math.min(renewEveryMs, leaseMs / 30);
  const lost = new AbortController();
  const stopped = new AbortController();
  let sent = { day: Number.NEGATIVE_INFINITY, ticks: Number.NEGATIVE_INFINITY };
  const leaseLeft = () => (lost.signal.aborted ? 0 : leaseMs - Math.max(clock.now() - sent.day, ticks(clock) - sent.ticks));
  const lose = (why: string, cause?: unknown) =>
    lost.abort(new HaldaneError('lease-lost', `run "${fence.runId}": ${why}; nothing more may be changed`, { cause }));

  const renewRun = async (signal: AbortSignal) => {
    const before = { day: clock.now(), ticks: ticks(clock) };
    await within(clock, renewWithinMs, 'renewing the lease of the run', signal, (bounded) => store.renew(fence, leaseMs, bounded));
    sent = before;
  };
  const renewEffects = async (signal: AbortSignal) => {
    const until = sent.day + leaseMs - marginMs;
    await within(clock, effectsWithinMs, 'renewing the effects of the run', signal, (bounded) => options.renewEffects(until, bounded));
  };

  /** The claim has just been made: for as long as it lasts, a store that does not answer is no reason to let go of the run. */
  const firstRenewal = async () => {
    const end = ticks(clock) + leaseMs;
    for (;;) {
      try {
        return await renewRun(stopped.signal);
      } catch (error) {
        if (!hasCode(error, 'unavailable') || ticks(clock) + againMs > end) throw error;
        options.onTrouble?.(error);
        await clock.sleep(againMs, stopped.signal);
      }
    }
  };

  const beat = async () => {
    const signal = AbortSignal.any([stopped.signal, lost.signal]);
    let wait = renewEveryMs;
    while (!signal.aborted) {
      try {
        await clock.sleep(wait, signal);
        // Whoever slept past its lease must not take it up again: somebody else may already be putting things back.
        if (leaseLeft() <= 0) return;
        wait = againMs;
        await renewRun(signal);
        wait = renewEveryMs;
        await renewEffects(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (hasCode(error, 'lease-lost')) lose('the store says that the lease is not ours', error);
        else options.onTrouble?.(error);
      }
    }
  };
  // A renewal that hangs or fails must not hide that the lease runs out meanwhile.
  const watch = async () => {
    const signal = AbortSignal.any([stopped.signal, lost.signal]);
    try {
      for (let left = leaseLeft(); left > 0; left = leaseLeft()) await clock.sleep(left, signal);
      lose('its lease ended before it could be renewed');
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };

  await firstRenewal();
  try {
    await renewEffects(stopped.signal);
  } catch (error) {
    options.onTrouble?.(error);
  }
  const going = Promise.all([beat(), watch()]);
  return {
    fence,
    leaseLeft,
    lost: lost.signal,
    stop: async () => {
      stopped.abort(new HaldaneError('internal', 'the heartbeat was stopped'));
      await going;
      // Whoever let go of a run does nothing more for it, also if the store was away and it still runs.
      lose('its runner let go of it');
    },
  };
}

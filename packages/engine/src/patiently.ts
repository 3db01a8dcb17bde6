import { HaldaneError } from '@haldane/core';
import type { DriveDeps } from './drive-deps.ts';
import { ticks } from './within.ts';

/** Throws `lease-lost` when the lease is, or may be. */
export function refuseWithoutLease({ hold }: DriveDeps): void {
  if (hold.lost.aborted) throw hold.lost.reason;
  if (hold.leaseLeft() <= 0)
    throw new HaldaneError('lease-lost', `run "${hold.fence.runId}": the lease has ended; nothing more may be changed`);
}

/**
 * Tries a call of the store again, with growing pauses, while the lease lasts: a short outage is no reason to stop. After
 * `storePatienceMs` it throws, so that effects run out and another runner takes over, rather than harm go on undriven.
 */
export async function patiently<T>(deps: DriveDeps, call: () => Promise<T>): Promise<T> {
  const end = ticks(deps.clock) + (deps.storePatienceMs ?? 15_000);
  for (let wait = 100; ; wait = Math.min(wait * 2, 2000)) {
    refuseWithoutLease(deps);
    try {
      return await call();
    } catch (error) {
      const final = ['lease-lost', 'conflict', 'not-found', 'illegal-move'].some(
        (code) => (error as { code?: unknown } | null)?.code === code,
      );
      if (final || ticks(deps.clock) + wait > end) throw error;
      await deps.clock.sleep(wait, deps.hold.lost);
    }
  }
}

/** Ends a wait: the loss of the lease, or a hand-over that has not begun yet. */
export function waitSignal({ hold, handOver }: DriveDeps): AbortSignal {
  return handOver && !handOver.aborted ? AbortSignal.any([hold.lost, handOver]) : hold.lost;
}

/** Waits before a stage is called again, unless there is something to do at once. */
export async function pause(ms: number, deps: DriveDeps, signal = waitSignal(deps)): Promise<void> {
  try {
    await deps.clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

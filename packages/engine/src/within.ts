import type { Clock } from '@haldane/core';
import { HaldaneError } from '@haldane/core';

/** Milliseconds that only ever grow, as far as the clock can tell. For durations, never for dates. */
export const ticks = (clock: Clock): number => clock.monotonic?.() ?? clock.now();

/**
 * Runs `act` and aborts it after `ms`: then, or when the caller's signal aborts, it rejects at once, whether `act` heeds
 * its signal or not. Throws `unavailable` at the time-out; the caller's reason on abort; else what `act` throws.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  what: string,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const timedOut = new AbortController();
  const over = new AbortController();
  const alarm = clock.sleep(ms, AbortSignal.any([signal, over.signal])).then(() => {
    const error = new HaldaneError('unavailable', `${what} did not end within ${ms} ms and was aborted`);
    timedOut.abort(error);
    throw error;
  });
  try {
    return await Promise.race([act(AbortSignal.any([signal, timedOut.signal])), alarm]);
  } finally {
    over.abort('over');
  }
}

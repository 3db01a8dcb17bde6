import type { Clock } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import { unless } from './unless.ts';

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
  const bounded = new AbortController();
  const over = new AbortController();
  const onAbort = () => bounded.abort(signal.reason);
  signal.addEventListener('abort', onAbort);
  const timeOut = () => bounded.abort(new HaldaneError('unavailable', `${what} did not end within ${ms} ms and was aborted`));
  void clock.sleep(ms, over.signal).then(timeOut, () => undefined);
  try {
    return await unless(bounded.signal, act(bounded.signal));
  } finally {
    signal.removeEventListener('abort', onAbort);
    over.abort('over');
  }
}

import type { Clock } from '@haldane/core';

/** Does the work with a signal that aborts after `ms` by the clock, or when `outer` does. Rejects as the work does. */
export async function within<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal | null,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const done = new AbortController();
  const onOuter = () => stop.abort(outer?.reason);
  if (outer?.aborted) onOuter();
  outer?.addEventListener('abort', onOuter, { once: true });
  const timer = clock.sleep(ms, done.signal).then(
    () => stop.abort(new Error(`no answer within ${ms} ms`)),
    () => {},
  );
  try {
    return await work(stop.signal);
  } finally {
    outer?.removeEventListener('abort', onOuter);
    done.abort(new Error('done'));
    await timer;
  }
}

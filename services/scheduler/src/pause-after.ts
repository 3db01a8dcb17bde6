import { hasCode } from '@haldane/core';

/** The first pause, and the longest. Milliseconds. */
export type Pauses = { readonly firstMs: number; readonly mostMs: number };

/**
 * How long to wait (ms) before what failed is tried again, when it had failed `failures` times before: twice as long each time up to `mostMs`, spread
 * over the upper half of that by `random` (0 to 1) so that many do not come back at one moment; longer where whoever was asked said for how long.
 */
export function pauseAfter(error: unknown, failures: number, { firstMs, mostMs }: Pauses, random: () => number): number {
  const most = Math.min(mostMs, firstMs * 2 ** Math.min(failures, 30));
  const asked = hasCode(error, 'throttled') ? Number((error as { details?: { afterMs?: number } }).details?.afterMs ?? 0) : 0;
  return Math.round(Math.max(asked, most * (0.5 + random() / 2)));
}

import { HaldaneError } from '@haldane/core';
import type { Answer } from '@haldane/egress';

/** However long a receiver wants to be left alone, it is asked again after this. */
const longestWaitMs = 3_600_000;
/** A request that was refused for what it is will be refused for ever; one that was refused for who asks may not. */
const never = new Set([400, 405, 406, 411, 413, 414, 415, 422]);

/**
 * Throws unless the answer says that the receiver has it: `gone` and `bad-request` when it never will, `throttled` with `details.afterMs` when it
 * named a time, `denied` or `unavailable` when another try may go better. `now`: epoch ms, for a time that is named as a date.
 */
export function accepted({ status, headers, body }: Answer, now: number): void {
  if (status >= 200 && status < 300) return;
  const words = wordsOf(body);
  const said = `it answered ${status}${words === '' ? '' : `: ${words}`}`;
  const afterMs = waitOf(headers['retry-after'], now);
  if ((status === 429 || status === 503) && afterMs !== null) throw new HaldaneError('throttled', said, { details: { afterMs } });
  if (status === 410) throw new HaldaneError('gone', said);
  if (never.has(status)) throw new HaldaneError('bad-request', said);
  if (status >= 300 && status < 400) throw new HaldaneError('denied', `it answered ${status}, a redirect, which is not followed`);
  throw new HaldaneError(status >= 500 || status === 408 || status === 425 || status === 429 ? 'unavailable' : 'denied', said);
}

/** What it says in plain words. Anything else is left out: many servers repeat the address, which may be a secret. */
function wordsOf(body: string): string {
  const message = /"message"\s*:\s*"([^"]*)"/.exec(body)?.[1] ?? body.trim();
  return /^[A-Za-z_ .,'-]{1,100}$/.test(message) ? message : '';
}

/** Retry-After: seconds, or a date. */
function waitOf(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(longestWaitMs, Math.max(0, ms)) : null;
}

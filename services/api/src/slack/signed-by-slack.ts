import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { HaldaneError, type TokenStore } from '@haldane/core';

/** Slack's own advice: a request that is older was kept by somebody. */
const freshSeconds = 300;

/**
 * Throws `unauthorised` unless Slack signed this body with the secret (v0: HMAC-SHA256 over `v0:timestamp:body`), within five minutes of `now`
 * (epoch ms), and nobody has brought it before.
 */
export async function signedBySlack(
  { headers, body }: { readonly headers: IncomingHttpHeaders; readonly body: string },
  secret: string,
  now: number,
  used: Pick<TokenStore, 'useOnce'>,
): Promise<void> {
  const timestamp = String(headers['x-slack-request-timestamp'] ?? '');
  const given = Buffer.from(String(headers['x-slack-signature'] ?? ''));
  const wanted = Buffer.from(`v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`);
  const isSigned = given.length === wanted.length && timingSafeEqual(given, wanted);
  const isFresh = /^\d{1,12}$/.test(timestamp) && Math.abs(now / 1000 - Number(timestamp)) <= freshSeconds;
  if (!isSigned || !isFresh) throw new HaldaneError('unauthorised', 'this is not signed by Slack, or not just now');
  const digest = createHash('sha256').update(`slack ${timestamp} ${wanted.toString()}`).digest('hex');
  if (!(await used.useOnce(digest, (Number(timestamp) + 2 * freshSeconds) * 1000)))
    throw new HaldaneError('unauthorised', 'this press was here before; each counts once');
}

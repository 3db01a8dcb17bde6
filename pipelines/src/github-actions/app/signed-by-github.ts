import { createHmac, timingSafeEqual } from 'node:crypto';
import { HaldaneError } from '@haldane/core';

/** Throws `unauthorised` unless GitHub signed these very bytes with the secret (X-Hub-Signature-256: HMAC-SHA256). */
export function signedByGitHub(body: string, signature: unknown, secret: string): void {
  const given = Buffer.from(typeof signature === 'string' ? signature : '');
  const wanted = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new HaldaneError('unauthorised', 'this is not signed by GitHub with the secret of this App');
}

import { createHmac } from 'node:crypto';
import type { Clock, Delivery, Notifier } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import type { Egress } from '@haldane/egress';
import { accepted } from '../accepted.ts';

type Options = {
  readonly url: string;
  /** One or more `whsec_` secrets with blanks between: while one is exchanged for the next, both sign. */
  readonly secret: string;
  readonly egress: Egress;
  readonly clock: Clock;
};

/**
 * Any program that takes a POST. Signed as Standard Webhooks says (standardwebhooks.com, version 1): HMAC-SHA256 over `id.timestamp.body`, where
 * the id is the same on every try and the timestamp the try's own. Throws `bad-document` for a secret that is none.
 */
export function webhookNotifier({ url, secret, egress, clock }: Options): Notifier {
  const keys = secret.trim().split(/\s+/).map(keyOf);
  return {
    async deliver(delivery, signal) {
      const body = webhookBody(delivery);
      const timestamp = Math.floor(clock.now() / 1000);
      const signed = keys.map((key) => `v1,${createHmac('sha256', key).update(`${delivery.id}.${timestamp}.${body}`).digest('base64')}`);
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'haldane',
        'webhook-id': delivery.id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signed.join(' '),
      };
      accepted(await egress.send({ method: 'POST', url, headers, body }, signal), clock.now());
    },
  };
}

function webhookBody({ notice }: Pick<Delivery, 'notice'>): string {
  return JSON.stringify({ type: `haldane.${notice.topic}`, timestamp: new Date(notice.at).toISOString(), data: notice });
}

function keyOf(secret: string): Buffer {
  const key = /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret) ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.alloc(0);
  if (key.length < 24 || key.length > 64)
    throw new HaldaneError(
      'bad-document',
      'the secret of a webhook is whsec_ and 24 to 64 random bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"',
    );
  return key;
}

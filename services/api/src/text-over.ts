import type { FetchText } from '@haldane/alerts';
import { HaldaneError } from '@haldane/core';
import type { Egress } from '@haldane/egress';

const withinMs = 10_000;

/** What is behind an address, by the one door to the outside: a redirect is not followed, for it could lead anywhere. */
export function textOver(out: Egress): FetchText {
  return async (url) => {
    const { status, body } = await out.send({ method: 'GET', url: url.href, headers: {} }, AbortSignal.timeout(withinMs));
    if (status !== 200) throw new HaldaneError('unavailable', `it answered ${status}`);
    return body;
  };
}

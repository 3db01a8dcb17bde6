import { HaldaneError } from '@haldane/core';

/** The server as one writes it down: its origin. Throws `bad-request` unless a token that is sent there can be read by nobody on the way. */
export function serverOf(written: string, field = '--server'): string {
  const url = URL.canParse(written) ? new URL(written) : null;
  const local = url !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url === null || !(url.protocol === 'https:' || (url.protocol === 'http:' && local)))
    throw new HaldaneError('bad-request', `${field}: "${written}" should be an https address; plain http only on this machine`);
  return url.origin;
}

import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { StickyKey } from '@haldane/core';

const longestKey = 256;
const longestToken = 8192;

type Sender = { readonly request: IncomingMessage; readonly cookie: string | null; readonly client: () => string };

/** What tells this user from others, as the slice chose; null when the request does not bring it: then it is production's. */
export function stickyKeyOf({ request, cookie, client }: Sender, key: StickyKey): string | null {
  switch (key.from) {
    case 'cookie':
      return cookie;
    case 'header':
      return usable(request.headers[key.name.toLowerCase()]);
    case 'claim':
      return claimOf(request.headers.authorization, key.name);
    case 'address':
      return addressKey(client());
  }
}

/**
 * A claim of the bearer token, its signature unread: it only decides where in a draw that nobody can foresee this user stands. Whoever
 * forges one takes another place in the draw, as whoever deletes a cookie does; whether he may come in is the service's to say.
 */
function claimOf(authorization: string | undefined, name: string): string | null {
  if (authorization === undefined || authorization.length > longestToken || !/^bearer /i.test(authorization)) return null;
  const [, payload, signature] = authorization.slice(7).trim().split('.');
  if (payload === undefined || signature === undefined) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !Object.hasOwn(claims, name)) return null;
    const value = (claims as Record<string, unknown>)[name];
    return usable(typeof value === 'number' ? String(value) : value);
  } catch {
    return null;
  }
}

/** A client's address; of IPv6 the /64 that it stands in, because one user's address changes within it by the hour. */
function addressKey(address: string): string | null {
  if (address === '') return null;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? front : [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back];
  return groups.slice(0, 4).join(':');
}

function usable(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= longestKey ? value : null;
}

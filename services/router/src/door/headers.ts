import type { IncomingMessage } from 'node:http';
import { keyCookie } from '@haldane/dataplane';

/** They belong to one connection, or are ours to say. `expect` was answered by this server already. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
]);
/** A client must not say these for us. */
const ours = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded']);
const cookiePair = new RegExp(`^\\s*${keyCookie}\\s*=`);
const keyValue = /^[0-9a-f]{32}$/;

/** The user's sticky key, when the request brought a whole one. */
export function keyOf(request: IncomingMessage): string | null {
  const cookie = request.headers.cookie;
  if (cookie === undefined || !cookie.includes(keyCookie)) return null;
  const pair = cookie.split(';').find((part) => cookiePair.test(part));
  const value = pair?.slice(pair.indexOf('=') + 1).trim();
  return value !== undefined && keyValue.test(value) ? value : null;
}

/** What names in a `connection` header belong to this connection beside the usual ones. */
function namedByConnection(request: { readonly headers: IncomingMessage['headers'] }): ReadonlySet<string> | null {
  const connection = request.headers.connection;
  if (connection === undefined || /^(keep-alive|close)$/i.test(connection)) return null;
  return new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
}

/** Headers to send on, flat: without hop-by-hop ones and without anything that says `x-haldane-`. */
export function passedOn(request: IncomingMessage): string[] {
  const named = namedByConnection(request);
  const raw = request.rawHeaders;
  const headers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || lower.startsWith('x-haldane-') || named?.has(lower)) continue;
    headers.push(name, raw[i + 1] as string);
  }
  return headers;
}

/** As `passedOn`, for a front door: our own cookie is cut out, and where the client is from is said by us alone. */
export function passedOnFromClient(request: IncomingMessage): string[] {
  const all = passedOn(request);
  const headers: string[] = [];
  for (let i = 0; i < all.length; i += 2) {
    const name = all[i] as string;
    const lower = name.toLowerCase();
    if (ours.has(lower)) continue;
    const value = lower === 'cookie' ? withoutKey(all[i + 1] as string) : (all[i + 1] as string);
    if (value !== '') headers.push(name, value);
    else if (lower !== 'cookie') headers.push(name, value);
  }
  headers.push('x-forwarded-for', request.socket.remoteAddress ?? 'unknown', 'x-forwarded-proto', 'http');
  if (request.headers.host !== undefined) headers.push('x-forwarded-host', request.headers.host);
  return headers;
}

function withoutKey(cookie: string): string {
  if (!cookie.includes(keyCookie)) return cookie;
  return cookie
    .split(';')
    .filter((part) => !cookiePair.test(part))
    .join(';')
    .trim();
}

/** An answer's headers as they go to the client, flat, without hop-by-hop ones. */
export function answered(raw: readonly (Buffer | string)[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]);
    if (hopByHop.has(name.toLowerCase())) continue;
    const value = raw[i + 1] as Buffer | string;
    headers.push(name, typeof value === 'string' ? value : value.toString('latin1'));
  }
  return headers;
}

/** The first value of a header in a flat list. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === name) return headers[i + 1];
  return undefined;
}

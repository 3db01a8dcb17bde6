import type { IncomingMessage } from 'node:http';
import { keyCookie } from '@haldane/dataplane';
import { HeaderNames } from './header-names.ts';
import type { Target } from './sound-request.ts';
import { withoutOurBaggage } from './trace-context.ts';

/** They belong to one connection (RFC 9110, section 7.6.1). `expect` is said anew where it is meant. */
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
/** `host` is said anew; no client means `proxy`, and a CGI takes it for the variable HTTP_PROXY (CVE-2016-5385). */
const neverPassedOn = new Set([...hopByHop, 'host', 'proxy']);
/** What a message means to everybody on its way; naming it in `connection` takes nothing away. */
const endToEnd = new Set(['host', 'content-length', 'cookie', 'authorization']);
const keyPair = new RegExp(`(?:^|;)\\s*${keyCookie}\\s*=([^;]*)`);
const keyPairs = new RegExp(keyPair, 'g');
const keyValue = /^[0-9a-f]{32}$/;
const plainPairLength = keyCookie.length + '='.length + 32;

/** `origin`: says where a request is from, which only whom the client reached first can say. */
type Kind = 'passed' | 'hop-by-hop' | 'never' | 'haldane' | 'origin' | 'cookie' | 'baggage';
const names = new HeaderNames<Kind>((name) => kindOfLower(name.toLowerCase()));

function kindOfLower(name: string): Kind {
  if (name.includes('_')) return kindOfUnderscored(name);
  if (hopByHop.has(name)) return 'hop-by-hop';
  if (neverPassedOn.has(name)) return 'never';
  if (name.startsWith('x-haldane-')) return 'haldane';
  if (name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip') return 'origin';
  return name === 'cookie' || name === 'baggage' ? name : 'passed';
}

/** Many services cannot tell an underscore from a hyphen, so nothing that means something to a door passes in that disguise. */
function kindOfUnderscored(name: string): Kind {
  const hyphened = name.replaceAll('_', '-');
  return hyphened === 'content-length' || kindOfLower(hyphened) !== 'passed' ? 'never' : 'passed';
}

/**
 * Where the one pair of our cookie stands, as the door wrote it and browsers send it: alone, or set off by `; `. -1: it is written in another
 * way, or more than once. Nearly all are plain, and four regular expressions cost a request as much as placing it does.
 */
export function plainPairAt(cookie: string): number {
  const at = cookie.indexOf(keyCookie);
  const end = at + plainPairLength;
  if (at < 0 || cookie.charCodeAt(at + keyCookie.length) !== 0x3d || cookie.indexOf(keyCookie, end) >= 0) return -1;
  for (let i = at + keyCookie.length + 1; i < end; i += 1) if (!isHex(cookie.charCodeAt(i))) return -1;
  const before = at === 0 || (at > 2 && isSetOff(cookie, at - 2) && isWord(cookie, at - 3) && isWord(cookie, 0));
  const after = end === cookie.length || (isSetOff(cookie, end) && isWord(cookie, end + 2) && isWord(cookie, cookie.length - 1));
  return before && after ? at : -1;
}
function isHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
}
function isSetOff(cookie: string, at: number): boolean {
  return cookie.charCodeAt(at) === 0x3b && cookie.charCodeAt(at + 1) === 0x20;
}
/** Neither the end nor white space nor `;`. */
function isWord(cookie: string, at: number): boolean {
  const code = cookie.charCodeAt(at);
  return code > 0x20 && code !== 0x3b && code < 0x7f;
}

/** The user's sticky key, when the request brought a whole one. */
export function keyOf(request: IncomingMessage): string | null {
  const cookie = request.headers.cookie;
  if (cookie === undefined || !cookie.includes(keyCookie)) return null;
  const at = plainPairAt(cookie);
  if (at >= 0) return cookie.slice(at + keyCookie.length + 1, at + plainPairLength);
  const value = keyPair.exec(cookie)?.[1]?.trim();
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
      .map((name) => name.trim())
      .filter((name) => !endToEnd.has(name)),
  );
}

/** Headers to send on, flat: `host` first, nothing hop-by-hop, nothing that says `x-haldane-`. */
export function passedOn(request: IncomingMessage, host: string | null): string[] {
  return filtered(request, host, (_kind, value) => value);
}

/** As `passedOn`, for a front door: our own cookie is cut out, and where the client is from is said by `origin` alone (flat). */
export function passedOnFromClient(request: IncomingMessage, { host }: Target, origin: readonly string[]): string[] {
  const headers = filtered(request, host, fromClient);
  headers.push(...origin);
  return headers;
}

/** What `keep` makes of each header that may be sent on; null drops it. */
function filtered(request: IncomingMessage, host: string | null, keep: (kind: Kind, value: string) => string | null): string[] {
  const named = namedByConnection(request);
  const raw = request.rawHeaders;
  const headers: string[] = host === null ? [] : ['host', host];
  for (let i = 0; i < raw.length; i += 2) {
    const { name, about: kind } = names.of(raw[i] as string);
    if (kind === 'hop-by-hop' || kind === 'never' || kind === 'haldane' || named?.has(name.toLowerCase())) continue;
    const value = keep(kind, raw[i + 1] as string);
    if (value !== null) headers.push(name, value);
  }
  return headers;
}

function fromClient(kind: Kind, value: string): string | null {
  if (kind === 'passed') return value;
  if (kind === 'baggage') return withoutOurBaggage(value);
  return kind === 'cookie' ? withoutKey(value) : null;
}

/** What is left of a cookie header without our own pair; null when nothing is. */
export function withoutKey(cookie: string): string | null {
  if (!cookie.includes(keyCookie)) return cookie === '' ? null : cookie;
  const at = plainPairAt(cookie);
  const end = at + plainPairLength;
  if (at >= 0) return (at === 0 ? cookie.slice(end + 2) : cookie.slice(0, at - 2) + cookie.slice(end)) || null;
  return (
    cookie
      .replace(keyPairs, '')
      .replace(/^;?\s*/, '')
      .trimEnd() || null
  );
}

/** An answer's headers as they go to the client, flat, without hop-by-hop ones and without what only we say. */
export function answered(raw: readonly (Buffer | string)[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const said = raw[i] as Buffer | string;
    const { name, about: kind } = typeof said === 'string' ? names.of(said) : names.ofBytes(said);
    if (kind !== 'hop-by-hop' && kind !== 'haldane') headers.push(name, textOf(raw[i + 1] as Buffer | string));
  }
  return headers;
}

function textOf(part: Buffer | string): string {
  return typeof part === 'string' ? part : part.toString('latin1');
}

/** Beside a status stands what Node would write there; other words are left out, for they mean nothing to a client (RFC 9112, section 4). */
export function sayable(words: string): string {
  return /^[\t -~\x80-\xff]*$/.test(words) ? words : '';
}

/** The first value of a header in a flat list; `name` in small letters. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const here = headers[i] as string;
    if (here.length === name.length && here.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

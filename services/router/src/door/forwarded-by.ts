import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { HaldaneError } from '@haldane/core';
import type { Target } from './sound-request.ts';

const hostWord = /^[A-Za-z0-9.[\]:_-]{1,255}$/;

/**
 * Says where a request comes from: `x-forwarded-for` and `-proto`; `-host` where a proxy before us was asked for another one than `host`
 * says, and `forwarded` (RFC 7239) where it speaks that. What a client says of itself is dropped, unless it is one of the proxies that
 * stand before us; and of such a one's chain only what was added by trusted hands, and the first address before them, is kept.
 */
export class ForwardedBy {
  readonly #trusted = new BlockList();
  readonly #trustsNobody: boolean;
  readonly #said = new WeakMap<Socket, { readonly host: string | null; readonly headers: readonly string[] }>();
  readonly #scheme: 'http' | 'https';

  /** `trusted`: addresses or networks (`10.0.0.0/8`, `::1`) of the proxies before us. `scheme`: how clients speak to this door. */
  constructor(trusted: readonly string[], scheme: 'http' | 'https') {
    this.#trustsNobody = trusted.length === 0;
    this.#scheme = scheme;
    for (const text of trusted) trust(this.#trusted, text);
  }
  /** Flat. */
  headers(request: IncomingMessage, target: Target): readonly string[] {
    const { socket } = request;
    const said = this.#said.get(socket);
    if (said !== undefined && said.host === target.host) return said.headers;
    const headers = this.#headers(request, target);
    // A client that nobody speaks through is the same for as long as its connection lasts.
    if (this.#trustsNobody) this.#said.set(socket, { host: target.host, headers });
    return headers;
  }
  #headers(request: IncomingMessage, target: Target): readonly string[] {
    const peer = plain(request.socket.remoteAddress ?? '');
    const isProxy = this.isProxy(peer);
    const chain = isProxy ? this.#chain(request.headers['x-forwarded-for'], peer) : [peer];
    const givenHost = isProxy ? String(request.headers['x-forwarded-host'] ?? '') : '';
    const proto = this.scheme(request);
    const host = hostWord.test(givenHost) ? givenHost : target.host;
    const said = ['x-forwarded-for', chain.join(', '), 'x-forwarded-proto', proto];
    if (host !== null && host !== target.host) said.push('x-forwarded-host', host);
    if (isProxy && request.headers.forwarded !== undefined) said.push('forwarded', forwarded(chain, host, proto));
    return said;
  }
  /** Whether this is one of the proxies before us. */
  isProxy(address: string): boolean {
    return !this.#trustsNobody && this.#isTrusted(plain(address));
  }

  /** How the client speaks to whoever it met first, as far as the proxies before us can be believed. */
  scheme(request: IncomingMessage): 'http' | 'https' {
    const given = request.headers['x-forwarded-proto'];
    const isTold = (given === 'http' || given === 'https') && this.isProxy(request.socket.remoteAddress ?? '');
    return isTold ? given : this.#scheme;
  }
  /** The client's own address, as far as the proxies before us can be believed. */
  client(request: IncomingMessage): string {
    const peer = plain(request.socket.remoteAddress ?? '');
    return this.isProxy(peer) ? (this.#chain(request.headers['x-forwarded-for'], peer)[0] ?? peer) : peer;
  }

  #chain(given: string | readonly string[] | undefined, peer: string): readonly string[] {
    const chain = [peer];
    const before = (typeof given === 'string' ? given : (given ?? []).join(',')).split(',').map((part) => plain(part.trim()));
    for (const address of before.reverse()) {
      if (isIP(address) === 0) break;
      chain.unshift(address);
      if (!this.#isTrusted(address)) break;
    }
    return chain;
  }
  #isTrusted(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

function forwarded(chain: readonly string[], host: string | null, proto: string): string {
  const [first = 'unknown', ...others] = chain.map((address) => (address.includes(':') ? `"[${address}]"` : address || 'unknown'));
  const about = `for=${first}${host === null ? '' : `;host="${host}"`};proto=${proto}`;
  return [about, ...others.map((address) => `for=${address}`)].join(', ');
}

function trust(list: BlockList, text: string): void {
  const [address = '', bits] = text.split('/');
  const family = isIP(address);
  const most = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : Number(bits);
  if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > most || bits === '')
    throw new HaldaneError('bad-request', `route.trustedProxies holds ${text}: write addresses or networks such as 10.0.0.0/8`);
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
}

/** An IPv4 address that came over an IPv6 socket is an IPv4 address. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

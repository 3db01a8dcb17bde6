import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { HaldaneError, messageOf } from '@haldane/core';
import { isPublicAddress } from './public-address.ts';

/** One request to somebody outside. The address may be a secret: no error shows it. */
export type Outgoing = {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};
export type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** Finds the addresses of a host, all of them. */
type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** Where requests go out: to the public internet over https, and to what the operator allowed by name. */
export interface Egress {
  /** Throws `refused` for a target that is not allowed, and `unavailable` when nobody answered. A redirect is an answer, and not followed. */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<Answer>;
}

/** More of an answer than this is not read. */
const mostBytes = 2_000_000;

/**
 * `allow`: hosts, or hosts with a port, that may be reached at any address and over plain http; nothing else within one's own network can be.
 * A name is resolved once and the connection made to the very address that was looked at: one that answers differently the next time
 * (rebinding) gains nothing. No proxy is used.
 */
export function egress(allow: readonly string[], resolve: Resolve = resolveAll): Egress {
  const isAllowed = ({ hostname, port, protocol }: URL) =>
    allow.includes(hostname) || allow.includes(`${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`);
  return {
    async send(outgoing, signal) {
      const url = urlOf(outgoing.url);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const allowed = isAllowed(url);
      if (!allowed && url.protocol !== 'https:')
        throw refusal(`it is not https; plain http only to hosts under "allow" in haldane.notify.yaml`);
      if (!allowed && isIP(host) !== 0 && !isPublicAddress(host)) throw notPublic();
      const lookup: LookupFunction = (name, options, done) => {
        resolve(name).then(
          (found) => {
            if (found.length === 0 || (!allowed && !found.every(({ address }) => isPublicAddress(address)))) done(notPublic(), []);
            else if (options.all === true) done(null, [...found]);
            else done(null, found[0]?.address ?? '', found[0]?.family ?? 0);
          },
          (error: NodeJS.ErrnoException) => done(error, []),
        );
      };
      return exchange(url, outgoing, lookup, signal);
    },
  };
}

function exchange(url: URL, { method, headers, body = '' }: Outgoing, lookup: LookupFunction, signal: AbortSignal): Promise<Answer> {
  return new Promise((done, fail) => {
    const refuse = (error: unknown) =>
      fail((error as { name?: string }).name === 'HaldaneError' ? error : new HaldaneError('unavailable', `no answer: ${wordsOf(error)}`));
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      // Its own connection: one that is kept may have been made before the list of allowed hosts was changed.
      { method, lookup, signal, agent: false, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (answer) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes <= mostBytes) parts.push(part);
          else answer.destroy(new Error('the answer is too long'));
        });
        answer.on('error', refuse);
        answer.on('end', () =>
          done({
            status: answer.statusCode ?? 0,
            headers: Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])),
            body: Buffer.concat(parts).toString('utf8'),
          }),
        );
      },
    );
    request.on('error', refuse);
    request.end(body);
  });
}

/** An error of the network names hosts and ports, which are no secret; what a URL holds behind them may be. */
function wordsOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: string; name?: string };
  if (name === 'AbortError' || name === 'TimeoutError') return 'not in time';
  return code ?? messageOf(error);
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw refusal('its address is none of http or https');
  if (url.username !== '' || url.password !== '') throw refusal('its address holds a name and password');
  return url;
}

function notPublic(): HaldaneError {
  return refusal(
    'its host is at an address that is not of the public internet; if it is meant, write the host under "allow" in haldane.notify.yaml',
  );
}

function refusal(why: string): HaldaneError {
  return new HaldaneError('refused', `nothing is sent there: ${why}`);
}

function resolveAll(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((done, fail) =>
    dnsLookup(host, { all: true, verbatim: true }, (error, found) => (error === null ? done(found) : fail(error))),
  );
}

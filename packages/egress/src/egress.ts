import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { HaldaneError, messageOf } from '@haldane/core';
import { isPublicAddress, isSecretTelling } from './public-address.ts';

/** One request to somebody outside. The address may be a secret: no error shows it. */
export type Outgoing = {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The operator wrote this host in a file or variable of Haldane's own: to write it there is to allow it. */
  readonly byOperator?: boolean;
  /** More of an answer than this is not read, and the request fails; 2 MB when it is not given. */
  readonly mostBytes?: number;
};
export type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** Finds the addresses of a host, all of them. */
type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export type EgressOptions = {
  /** Where a host is allowed, in words for the refusal. */
  readonly allowedBy?: string;
  readonly resolve?: Resolve;
};

/** The one door by which Haldane asks whom a file, or somebody outside, names. */
export interface Egress {
  /** Throws `refused` for a target that is not allowed, and `unavailable` when nobody answered. A redirect is an answer, and not followed. */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<Answer>;
}

const usualBytes = 2_000_000;

/**
 * Lets requests out to the public internet over https. `allow`: hosts, or hosts with a port, that may be reached within one's own network and
 * over plain http, too. What tells secrets to whoever asks (cloud metadata, link-local) is reached only if its very address is allowed, never
 * through a name. A name is resolved once and the connection made to the very address that was looked at: one that answers differently the
 * next time (rebinding) gains nothing. No proxy is used.
 */
export function egress(allow: readonly string[], { allowedBy = 'in HALDANE_ALLOW', resolve = resolveAll }: EgressOptions = {}): Egress {
  const isAllowed = ({ hostname, port, protocol }: URL) =>
    allow.includes(hostname) || allow.includes(`${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`);
  const refused = (why: string) => refusal(`${why}; if it is meant, write the host ${allowedBy}`);
  const barred = (allowed: boolean) =>
    allowed
      ? refusal(`its name leads to where a cloud tells secrets; if it is meant, write the very address, and allow it ${allowedBy}`)
      : refused('its host is at an address that is not of the public internet');
  return {
    async send(outgoing, signal) {
      const url = urlOf(outgoing.url);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const allowed = outgoing.byOperator === true || isAllowed(url);
      if (!allowed && url.protocol !== 'https:') throw refused('it is not https');
      if (!allowed && isIP(host) !== 0 && !isPublicAddress(host)) throw barred(false);
      const isBarred = ({ address }: LookupAddress) => (allowed ? isSecretTelling(address) : !isPublicAddress(address));
      const lookup: LookupFunction = (name, options, done) => {
        resolve(name).then(
          (found) => {
            if (found.length === 0 || found.some(isBarred)) done(barred(allowed), []);
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

function exchange(
  url: URL,
  { method, headers, body, mostBytes = usualBytes }: Outgoing,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((done, fail) => {
    const refuse = (error: unknown) =>
      fail((error as { name?: string }).name === 'HaldaneError' ? error : new HaldaneError('unavailable', `no answer: ${wordsOf(error)}`));
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      // Its own connection: one that is kept may have been made before the list of allowed hosts was changed.
      { method, lookup, signal, agent: false, headers: { ...headers, ...lengthOf(method, body) } },
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

function lengthOf(method: Outgoing['method'], body = ''): Readonly<Record<string, number>> {
  return method === 'GET' && body === '' ? {} : { 'content-length': Buffer.byteLength(body) };
}

function refusal(why: string): HaldaneError {
  return new HaldaneError('refused', `nothing is sent there: ${why}`);
}

function resolveAll(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((done, fail) =>
    dnsLookup(host, { all: true, verbatim: true }, (error, found) => (error === null ? done(found) : fail(error))),
  );
}

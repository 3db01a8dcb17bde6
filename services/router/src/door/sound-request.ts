import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { HeaderNames } from './header-names.ts';

/** An answer of the door itself to a request that it does not send on. The connection ends with it. */
export type Refusal = { readonly status: number; readonly why: string };

/** What a request asks for, from whatever form its request line had. `host` is null only where HTTP/1.0 says none. */
export type Target = { readonly path: string; readonly host: string | null };

const mostHeaders = 200;
/** Headers that may stand in a request once. */
const once = ['host', 'content-length', 'transfer-encoding', 'expect'] as const;
const names = new HeaderNames((name) => once.find((one) => one === name.toLowerCase()) ?? null);
/** `reg-name`, an address, or an address in brackets, and a port: RFC 3986, section 3.2 without user information. */
const authority = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::\d*)?$/;
const absolute = /^https?:\/\/([^/?#]+)(\/[^#]*|\?[^#]*|)$/i;

/**
 * Why this request is not sent on although Node's parser took it: another reader might see other requests in the same bytes, or another
 * host (RFC 9112, sections 3.2, 6.1, 6.3 and 11.2). What passes is written anew from its parts, so spelling does not matter, only meaning.
 */
export function refusalOf(request: IncomingMessage): Refusal | null {
  const { method, rawHeaders, httpVersion } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return { status: 505, why: `HTTP/${httpVersion} is not spoken here` };
  if (method === 'CONNECT' || method === 'TRACE') return { status: 405, why: `${method} is not for a front door` };
  if (rawHeaders.length > 2 * mostHeaders) return { status: 431, why: `more than ${mostHeaders} headers` };
  const seen = { host: 0, 'content-length': 0, 'transfer-encoding': 0, expect: 0 };
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { about } = names.of(rawHeaders[i] as string);
    if (about !== null) seen[about] += 1;
  }
  return framingRefusal(request, seen['content-length'], seen['transfer-encoding']) ?? restRefusal(request, seen.host, seen.expect);
}

function framingRefusal({ headers, httpVersion }: IncomingMessage, lengths: number, encodings: number): Refusal | null {
  if (lengths + encodings > 1) return { status: 400, why: 'more than one header says where the body ends' };
  if (lengths === 1 && !/^\d{1,15}$/.test(headers['content-length'] ?? '')) return { status: 400, why: 'content-length is no length' };
  if (encodings === 0) return null;
  if (httpVersion === '1.0') return { status: 400, why: 'HTTP/1.0 has no transfer-encoding' };
  if (headers['transfer-encoding']?.toLowerCase() !== 'chunked') return { status: 501, why: 'transfer-encoding can only be chunked' };
  return null;
}

function restRefusal(request: IncomingMessage, hosts: number, expects: number): Refusal | null {
  const { headers, httpVersion } = request;
  if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0')) return { status: 400, why: 'exactly one host must be named' };
  if (hosts === 1 && !authority.test(headers.host ?? '')) return { status: 400, why: 'host is no host' };
  if (expects > 1 || (expects === 1 && headers.expect?.toLowerCase() !== '100-continue'))
    return { status: 417, why: 'only 100-continue can be expected' };
  if (targetOf(request) === null) return { status: 400, why: 'the request line must hold a path, or a URL without user and fragment' };
  return null;
}

/** Null when the request line names nothing that can be asked of a service. A URL's host goes before the header's (RFC 9112, 3.2.2). */
export function targetOf(request: IncomingMessage): Target | null {
  const url = request.url ?? '';
  if (url.startsWith('/')) return url.includes('#') ? null : { path: url, host: request.headers.host ?? null };
  const [, host, rest = ''] = absolute.exec(url) ?? [];
  if (host === undefined || !authority.test(host)) return null;
  return { path: rest.startsWith('/') ? rest : `/${rest}`, host };
}

/** Whether a body follows the head of a sound request. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}

/** Whether the client of a sound request waits to be told before it sends its body. */
export function isAsking(request: IncomingMessage): boolean {
  return request.headers.expect !== undefined && request.httpVersion === '1.1' && hasBody(request);
}

/** Answers in words and ends the connection: what follows on it cannot be trusted to be a request. */
export function refuse(response: ServerResponse, { status, why }: Refusal): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${why}\n`);
}

/** As `refuse`, where the connection was taken out of HTTP already. */
export function refuseOn(socket: Duplex, { status, why }: Refusal): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n${why}\n`);
}

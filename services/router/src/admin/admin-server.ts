import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type ErrorCode, HaldaneError, messageOf } from '@haldane/core';
import { expositionType } from '../prometheus/exposition.ts';
import type { AdminRoutes } from './admin-routes.ts';

/** A bundle of certificates is the largest thing that is said here. */
const largestBody = 1024 * 1024;
const statuses: Partial<Record<ErrorCode, number>> = {
  'bad-request': 400,
  unauthorised: 401,
  'not-found': 404,
  conflict: 409,
  unavailable: 503,
};

export type AdminOptions = {
  readonly token: string;
  readonly routes: AdminRoutes /** Told at every call that showed the token. */;
  readonly called: () => void;
};

/** The admin interface over HTTP: JSON in, JSON out (lines of it where it streams; measures as Prometheus reads them), a bearer token on everything but `/healthz`. What is put or deleted is done one at a time. */
export function createAdminServer(options: AdminOptions): Server {
  const expected = digest(options.token);
  let before: Promise<unknown> = Promise.resolve();
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    const url = new URL(request.url ?? '/', 'http://router');
    if (request.method === 'GET' && url.pathname === '/healthz') return { ok: true };
    const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!timingSafeEqual(digest(given), expected))
      throw new HaldaneError('unauthorised', "the bearer token is missing or not this router's");
    options.called();
    const body = await readJson(request);
    // Reading and renewing wait for nobody: a slow change must not cost a run its lease.
    if (request.method !== 'PUT' && request.method !== 'DELETE') return options.routes.call(request.method ?? 'GET', url, body);
    const turn = before.then(() => options.routes.call(request.method ?? 'GET', url, body));
    before = turn.catch(() => undefined);
    return turn;
  };
  const server = createServer((request, response) => {
    answer(request)
      .then(
        (value) => ({ status: 200, body: value }),
        (error: unknown) => failure(error),
      )
      .then(async ({ status, body }) => {
        if (isStream(body)) return tellLines(response, body);
        // What is text already are measures; nothing else is told as a bare string.
        const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
        // A refused call may have left a body unread: the connection cannot be used again.
        response.writeHead(status, {
          'content-type': typeof body === 'string' ? expositionType : 'application/json',
          'content-length': Buffer.byteLength(text),
          ...(request.complete ? {} : { connection: 'close' }),
        });
        response.end(text);
      })
      .catch(() => response.destroy());
  });
  server.keepAliveTimeout = 30_000;
  return server;
}

function isStream(body: unknown): body is AsyncIterable<unknown> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/** A line of JSON each. Who reads slowly is told less often: the next line is made when the one before has left. */
async function tellLines(response: ServerResponse, lines: AsyncIterable<unknown>): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  for await (const line of lines) {
    if (gone.signal.aborted) return;
    if (!response.write(`${JSON.stringify(line)}\n`)) await once(response, 'drain', { signal: gone.signal });
  }
  response.end();
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function failure(error: unknown): { readonly status: number; readonly body: unknown } {
  const code = (error as { code?: ErrorCode }).code;
  const status = error instanceof Error && code !== undefined ? statuses[code] : undefined;
  return status === undefined
    ? { status: 500, body: { code: 'internal', message: messageOf(error) } }
    : { status, body: { code, message: messageOf(error) } };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > largestBody) throw new HaldaneError('bad-request', `the body has more than ${largestBody} bytes`);
    pieces.push(piece);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    // The parser's own words quote the body, which may hold a secret.
    throw new HaldaneError('bad-request', 'the body must be JSON');
  }
}

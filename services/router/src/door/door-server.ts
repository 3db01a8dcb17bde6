import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { hasBody, type Refusal, refusalOf, refuse, refuseOn, type Target, targetOf } from './sound-request.ts';

export type DoorServerOptions = {
  /** Given: clients speak TLS. */
  readonly tls?: (SecureContextOptions & TlsOptions) | undefined;
  readonly serve: (request: IncomingMessage, response: ServerResponse, target: Target) => void;
  /** `isWebSocket` is false for a protocol that we do not pass on: then the request goes on as an ordinary one, as RFC 9110, 7.8 allows. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer, target: Target, isWebSocket: boolean) => void;
};

/**
 * A server of HTTP/1 whose requests are all sound: what two readers might read differently is refused, and the connection ends. A client
 * that expects to be told before it sends its body is served like any other; whoever serves it tells it.
 */
export function createDoorServer({ tls, serve, upgrade }: DoorServerOptions): Server {
  const options = { keepAliveTimeout: 65_000, requestTimeout: 0, noDelay: true };
  const server = tls ? createTlsServer({ ...options, ...tls }) : createServer(options);
  // Node drops headers beyond its limit in silence; here too many are an error.
  server.maxHeadersCount = 0;
  // Node hands over what follows on a connection also after the answer that ends it. That is no request to anybody.
  const refused = new WeakSet<object>();
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (refused.has(request.socket)) return;
    const refusal = refusalOf(request);
    const target = refusal ? null : targetOf(request);
    if (target) return serve(request, response, target);
    refused.add(request.socket);
    refuse(response, refusal ?? noTarget);
  };
  const onExpecting = (request: IncomingMessage, response: ServerResponse) => {
    // Whether the body follows a final answer is the client's choice, so nobody can tell where the next request would begin.
    response.shouldKeepAlive = false;
    onRequest(request, response);
  };
  server.on('request', onRequest);
  server.on('checkContinue', onExpecting);
  server.on('checkExpectation', onExpecting);
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    refuseOn(socket, { status: 405, why: 'CONNECT is not for a front door' });
  });
  server.on('upgrade', (request, socket, head) => {
    if (refused.has(socket)) return;
    socket.on('error', () => socket.destroy());
    const refusal = refusalOf(request) ?? upgradeRefusal(request);
    const target = refusal ? null : targetOf(request);
    if (target) upgrade(request, socket, head, target, isWebSocket(request));
    else refuseOn(socket, refusal ?? noTarget);
  });
  return server;
}

const noTarget: Refusal = { status: 400, why: 'the request line must hold a path' };

function isWebSocket({ headers, method }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Where the body of such a request ends and the new protocol begins, two readers tell differently. */
function upgradeRefusal(request: IncomingMessage): Refusal | null {
  return hasBody(request) ? { status: 400, why: 'a request to change the protocol cannot have a body' } : null;
}

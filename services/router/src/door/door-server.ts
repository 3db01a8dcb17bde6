import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { DoorLimits } from '@haldane/core';
import { hasBody, type Refusal, refusalOf, refuse, refuseOn, type Target, targetOf } from './sound-request.ts';

export const usualLimits: DoorLimits = {
  headersMs: 15_000,
  requestMs: 3_600_000,
  bodyIdleMs: 60_000,
  answerMs: 300_000,
  keepAliveMs: 65_000,
  connections: 10_000,
  connectionsPerClient: 1000,
  inFlight: 10_000,
};

export type DoorServerOptions = {
  /** Given: clients speak TLS. */
  readonly tls?: (SecureContextOptions & TlsOptions) | undefined;
  readonly limits?: Partial<DoorLimits> | undefined;
  /** Many clients share the address of a proxy before us. */
  readonly isProxy?: (address: string) => boolean;
  /** What it gives back is called once, when the answer has left or could not. */
  readonly serve: (request: IncomingMessage, response: ServerResponse, target: Target) => () => void;
  /** `isWebSocket` is false for a protocol that we do not pass on: then the request goes on as an ordinary one, as RFC 9110, 7.8 allows. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer, target: Target, isWebSocket: boolean) => void;
};

/**
 * A server of HTTP/1 whose requests are all sound: what two readers might read differently is refused, and the connection ends. A client
 * that expects to be told before it sends its body is served like any other; whoever serves it tells it.
 */
export function createDoorServer({ tls, limits: given, isProxy = () => false, serve, upgrade }: DoorServerOptions): Server {
  const limits = { ...usualLimits, ...given };
  const options = {
    keepAliveTimeout: limits.keepAliveMs,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: Math.min(1000, limits.headersMs || 1000),
    noDelay: true,
  };
  const server = tls ? createTlsServer({ ...options, handshakeTimeout: limits.headersMs || 120_000, ...tls }) : createServer(options);
  if (limits.connections > 0) server.maxConnections = limits.connections;
  limitEachClient(server, limits.connectionsPerClient, isProxy);
  let inFlight = 0;
  // Node drops headers beyond its limit in silence; here too many are an error.
  server.maxHeadersCount = 0;
  // Node hands over what follows on a connection also after the answer that ends it. That is no request to anybody.
  const refused = new Set<object>();
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (refused.size > 0 && refused.has(request.socket)) return;
    const refusal = refusalOf(request);
    const target = refusal ? null : targetOf(request);
    if (target && limits.inFlight > 0 && inFlight >= limits.inFlight) {
      response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1' });
      response.end('too many requests are under way\n');
      return;
    }
    if (target) {
      inFlight += 1;
      if (limits.bodyIdleMs > 0 && hasBody(request)) endIfIdle(request, limits.bodyIdleMs);
      let left: () => void = () => undefined;
      response.on('close', () => {
        inFlight -= 1;
        left();
      });
      if (response.socket === null) closeWithItsConnection(request.socket, response);
      left = serve(request, response, target);
      return;
    }
    const { socket } = request;
    refused.add(socket);
    socket.once('close', () => refused.delete(socket));
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

/** One address cannot take all connections: those beyond its part are ended at once. */
function limitEachClient(server: Server, most: number, isProxy: (address: string) => boolean): void {
  if (most === 0) return;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (isProxy(address)) return;
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    if (count > most) socket.destroy();
  });
}

/** An answer that waits behind another one on its connection: Node does not tell it when that connection ends. */
function closeWithItsConnection(connection: Socket, response: ServerResponse): void {
  const cut = () => {
    // Once it is its turn, Node tells it.
    if (response.socket !== null) return;
    response.destroy();
    response.emit('close');
  };
  connection.once('close', cut);
  response.once('close', () => connection.off('close', cut));
}

/** Ends a connection whose request stands still in the middle of its body. */
function endIfIdle(request: IncomingMessage, ms: number): void {
  request.socket.setTimeout(ms);
  request.once('end', () => request.socket.setTimeout(0));
}

const noTarget: Refusal = { status: 400, why: 'the request line must hold a path' };

function isWebSocket({ headers, method }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Where the body of such a request ends and the new protocol begins, two readers tell differently. */
function upgradeRefusal(request: IncomingMessage): Refusal | null {
  return hasBody(request) ? { status: 400, why: 'a request to change the protocol cannot have a body' } : null;
}

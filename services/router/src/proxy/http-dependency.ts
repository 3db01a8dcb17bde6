import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, rootCertificates, type SecureContext, Server as TlsServer } from 'node:tls';
import { type DependencyFault, HaldaneError } from '@haldane/core';
import { checkHeader, faultHeader, type PemPair, type ProxyConfig } from '@haldane/dataplane';
import type { AnswerReader } from '../door/answer-reader.ts';
import { createDoorServer } from '../door/door-server.ts';
import { forward } from '../door/forward.ts';
import { passedOn } from '../door/headers.ts';
import { listen } from '../door/listener.ts';
import { hasBody, type Target } from '../door/sound-request.ts';
import { tunnel } from '../door/tunnel.ts';
import type { MetFault } from '../fault/fault-switch.ts';
import { released } from '../fault/held.ts';
import { upgradeUnderFault } from '../fault/upgrade-under-fault.ts';
import { systemTime } from '../time.ts';
import { Cluster } from '../upstreams.ts';
import type { Carrier, FaultSource } from './carrier.ts';

/**
 * Carries HTTP calls. With `as: https` the caller's TLS ends here, at the certificate that the run made, and a verified
 * connection goes on to the real dependency, which sees its own name in `host`.
 */
export class HttpDependency implements Carrier {
  readonly #source: FaultSource;
  readonly #server: Server;
  readonly #target: URL;
  readonly #tls: SecureContext | null;
  readonly #cluster: Cluster;
  readonly #certificates: ProxyConfig['tls'] | null;
  /** What new connections are greeted with. */
  #served: PemPair | null;
  readonly #sockets = new Set<Socket>();
  /** Connections (by the caller's port) that a partial refusal let through: what is asked on them is not drawn again. */
  readonly #letThrough = new Map<number, DependencyFault>();

  constructor(config: ProxyConfig, source: FaultSource) {
    this.#source = source;
    this.#target = targetOf(config);
    this.#tls = trustedBy(config);
    this.#cluster = new Cluster([this.#target.origin], systemTime, this.#tls);
    this.#certificates = config.as === 'https' ? certificatesOf(config) : null;
    this.#served = this.#certificates;
    this.#server = createDoorServer({
      tls: this.#certificates ? { cert: this.#certificates.cert, key: this.#certificates.key } : undefined,
      serve: (request, response, target) => {
        void this.#call(request, response, target);
        return () => undefined;
      },
      upgrade: (request, socket, head, target, isWebSocket) => void this.#upgrade(request, socket, head, target, isWebSocket),
    });
    this.#server.on('connection', (socket: Socket) => this.#connect(socket));
    // A caller that does not trust the certificate is the arm's matter; it sees its own error.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }
  open(port: number, host: string): Promise<number> {
    return listen(this.#server, port, host);
  }
  /** Calls ask anew, and those that are held listen for themselves; certificates are shown to connections, so open ones end with a change. */
  follow(): void {
    const served = this.#certificateFor(this.#source.fault);
    if (served === null || served === this.#served || !(this.#server instanceof TlsServer)) return;
    this.#served = served;
    this.#server.setSecureContext({ cert: served.cert, key: served.key });
    for (const socket of this.#sockets) socket.destroy();
  }
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
      for (const socket of this.#sockets) socket.destroy();
    });
    this.#cluster.close();
  }

  /** A refusal happens to connections, before anybody can tell what would have been asked. */
  #connect(socket: Socket): void {
    this.#sockets.add(socket);
    const port = socket.remotePort ?? 0;
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#letThrough.delete(port);
    });
    const fault = this.#source.fault;
    // What is asked on a connection that was greeted with a wrong certificate was met by the greeting.
    if (fault?.mode === 'wrong-name' || fault?.mode === 'expired') this.#source.meet(false);
    if (fault?.mode !== 'refuse') return;
    if (this.#source.meet(false)) socket.resetAndDestroy();
    else this.#letThrough.set(port, fault);
  }
  async #call(request: IncomingMessage, response: ServerResponse, { path }: Target): Promise<void> {
    const check = this.#source.isCheck(request.headers[checkHeader]);
    const met = this.#meet(request, check);
    response.on('error', () => response.destroy());
    if (met && (await endsConnection(met, request.socket))) return;
    if (met?.fault.mode === 'repeat' && !hasBody(request)) this.#repeat(request, path, met.fault.times ?? 2);
    const left = forward(request, response, {
      cluster: this.#cluster,
      path: this.#pathAt(path),
      headers: this.#headers(request),
      addToAnswer: check ? [faultHeader, met ? 'yes' : 'no'] : [],
      fault: met,
      observers: [],
      retry: false,
    });
    response.on('close', left);
  }
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, { path }: Target, isWebSocket: boolean): Promise<void> {
    const met = this.#source.meet(this.#source.isCheck(request.headers[checkHeader]));
    if (met && (await upgradeUnderFault(met, socket)) !== 'goes on') return;
    tunnel(request, socket, head, {
      address: this.#target.origin,
      path: this.#pathAt(path),
      headers: this.#headers(request),
      addToAnswer: [],
      observers: [],
      upgrade: isWebSocket,
      tls: this.#tls,
    });
  }

  /** The fault that a call meets. One that is met by connections is not drawn again, but by a connection that was open when it began. */
  #meet(request: IncomingMessage, check: boolean): MetFault | null {
    const fault = this.#source.fault;
    // Connections met it, this one's greeting among them: told of a call, counted of none.
    if (fault?.mode === 'wrong-name' || fault?.mode === 'expired') return { fault, n: 0, changed: AbortSignal.abort() };
    if (fault?.mode !== 'refuse') return this.#source.meet(check);
    const letThrough = this.#letThrough.get(request.socket.remotePort ?? 0);
    return letThrough !== undefined && letThrough === fault ? null : this.#source.meet(check);
  }
  /** The dependency gets the call so many times more; those answers are nobody's. */
  #repeat(request: IncomingMessage, path: string, times: number): void {
    const nothing: AnswerReader = {
      onConnect: () => undefined,
      onHeaders: () => true,
      onData: () => true,
      onComplete: () => undefined,
      onError: () => undefined,
    };
    const call = { path: this.#pathAt(path), method: request.method ?? 'GET', headers: this.#headers(request), body: null };
    for (let left = times; left > 0; left -= 1) this.#cluster.pick()?.pool.dispatch(call, nothing);
  }
  #certificateFor(fault: DependencyFault | null): PemPair | null {
    if (fault?.mode === 'wrong-name') return this.#certificates?.wrongName ?? null;
    if (fault?.mode === 'expired') return this.#certificates?.expired ?? null;
    return this.#certificates ?? null;
  }
  #pathAt(path: string): string {
    const base = this.#target.pathname.replace(/\/+$/, '');
    return base + path;
  }
  #headers(request: IncomingMessage): string[] {
    const headers = passedOn(request, this.#target.host);
    if (this.#target.username !== '' && request.headers.authorization === undefined) {
      const credentials = `${decodeURIComponent(this.#target.username)}:${decodeURIComponent(this.#target.password)}`;
      headers.push('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
    }
    return headers;
  }
}

/** Whether the fault ends the caller's own connection, and when it does: the call then needs no answer. */
async function endsConnection({ fault: { mode }, changed }: MetFault, socket: Socket): Promise<boolean> {
  if (mode === 'reset' || mode === 'refuse') resetConnection(socket);
  else if (mode === 'hang') {
    await released(changed);
    socket.destroy();
  } else return false;
  return true;
}

/** A reset where the socket can send one; a TLS socket can only be destroyed. */
function resetConnection(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

function targetOf(config: ProxyConfig): URL {
  if (!URL.canParse(config.target))
    throw new HaldaneError('bad-request', `proxy.target of ${config.proxy} must be a URL such as http://127.0.0.1:8080`);
  const target = new URL(config.target);
  if (target.protocol !== 'http:' && target.protocol !== 'https:')
    throw new HaldaneError(
      'bad-request',
      `proxy.target of ${config.proxy} must begin with http:// or https://; declare anything else as tcp`,
    );
  return target;
}

function certificatesOf(config: ProxyConfig): NonNullable<ProxyConfig['tls']> {
  if (!config.tls)
    throw new HaldaneError(
      'bad-request',
      `proxy.tls of ${config.proxy} is missing: an https proxy needs the certificate and key that the run's authority made`,
    );
  return config.tls;
}

/** Who may certify the target, when the configuration names more than the usual authorities. */
function trustedBy({ proxy, trust }: ProxyConfig): SecureContext | null {
  if (trust === undefined) return null;
  try {
    return createSecureContext({ ca: [...rootCertificates, trust] });
  } catch (error) {
    throw new HaldaneError('bad-request', `proxy.trust of ${proxy} must hold certificates in PEM`, { cause: error });
  }
}

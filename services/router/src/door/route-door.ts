import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { HaldaneError } from '@haldane/core';
import { keyCookie, type RouteConfig, type RouteView } from '@haldane/dataplane';
import { upgradeUnderFault } from '../fault/upgrade-under-fault.ts';
import type { AttachedRun } from '../run/attached-run.ts';
import type { RouterTime } from '../time.ts';
import { Cluster } from '../upstreams.ts';
import { Certificates } from './certificates.ts';
import { DoorCounts } from './door-counts.ts';
import { createDoorServer } from './door-server.ts';
import { type Entry, entryOf } from './entry.ts';
import { type Forwarding, forward } from './forward.ts';
import { ForwardedBy } from './forwarded-by.ts';
import { keyOf, passedOnFromClient } from './headers.ts';
import { InFlight } from './in-flight.ts';
import { listen } from './listener.ts';
import { mirror } from './mirrored.ts';
import { isStranded, type Placement, place, type Treatment, type Visitor } from './placement.ts';
import { randomHex } from './random-hex.ts';
import { RateMeter } from './rate-meter.ts';
import { ShieldedExchange } from './shielded.ts';
import { refuse, refuseOn, type Target } from './sound-request.ts';
import { tunnel } from './tunnel.ts';

/** From when a balancer's checks are turned away until the door closes: it moves users after a few of them. */
const leaveMs = 60_000;

/** The front door of one route: every request of its users enters here. */
export class RouteDoor {
  readonly route: string;
  readonly production: Cluster;
  /** Runs that are attached to this route, oldest first. */
  readonly runs: AttachedRun[] = [];
  /** Real requests, wherever they go. */
  readonly rate: RateMeter;
  /** Real requests in arms, also of runs that are not attached any more. */
  readonly inFlight = new InFlight();
  /** What its clients got since it was made. */
  readonly counts: DoorCounts;
  readonly #time: RouterTime;
  readonly #host: string;
  readonly #tunnels = new Set<Duplex>();
  #config: RouteConfig;
  #forwardedBy: ForwardedBy;
  #certificates: Certificates | null = null;
  #lookedAt: number;
  #server: Server | null = null;
  #port = 0;
  #closing = false;
  /** By running time. */
  #attendedAt: number;
  #turnsChecksAway = false;

  constructor(config: RouteConfig, host: string, time: RouterTime) {
    this.route = config.route;
    this.#host = host;
    this.#time = time;
    this.rate = new RateMeter(time);
    this.counts = new DoorCounts(time);
    this.production = new Cluster(config.production, time);
    this.#config = config;
    this.#forwardedBy = forwardedBy(config);
    this.#lookedAt = time.monotonic();
    this.#attendedAt = this.#lookedAt;
  }
  /** What this door was told, with the port that it has. */
  get config(): RouteConfig {
    return { ...this.#config, port: this.#port };
  }
  get tls(): RouteView['tls'] {
    return this.#certificates?.view() ?? null;
  }
  get port(): number {
    return this.#port;
  }
  get tunnels(): number {
    return this.#tunnels.size;
  }
  /** No run was attached to it for so long that it is to close. */
  get isAbandoned(): boolean {
    const { unattended } = this.#config;
    return unattended !== undefined && this.#time.monotonic() - this.#attendedAt >= unattended.afterMs + leaveMs;
  }
  /**
   * Follows what is said of the route now. Opens on its port (0: a free one, or the one that it has); when it is open elsewhere already, it
   * moves and what is in flight finishes. Throws `conflict` where that cannot be done without shutting clients out.
   */
  async open(config: RouteConfig): Promise<void> {
    const before = this.#config;
    const isOpen = this.#server !== null && (config.port === 0 || config.port === this.#port);
    const keeps = isOpen && isDeepStrictEqual([config.tls, config.limits], [before.tls, before.limits]);
    if (isOpen && !keeps)
      throw new HaldaneError(
        'conflict',
        `route ${this.route} is open with other tls or limits: put it on another port, or delete it first`,
      );
    const forwarded = forwardedBy(config);
    if (!keeps) {
      const certificates = config.tls ? new Certificates(config.tls) : null;
      await this.#listen(config, certificates);
      this.#certificates = certificates;
    }
    this.#config = config;
    this.#forwardedBy = forwarded;
    this.production.replace(config.production);
    this.#attendedAt = this.#time.monotonic();
    this.#turnsChecksAway = false;
  }
  async #listen({ port, limits }: RouteConfig, certificates: Certificates | null): Promise<void> {
    const server = createDoorServer({
      tls: certificates?.options,
      limits,
      isProxy: (address) => this.#forwardedBy.isProxy(address),
      serve: (request, response, target) => this.#serve(request, response, target),
      upgrade: (request, socket, head, target, isWebSocket) => void this.#upgrade(request, socket, head, target, isWebSocket),
    });
    this.#port = await listen(server, port, this.#host);
    const before = this.#server;
    this.#server = server;
    before?.close();
    before?.closeIdleConnections();
  }
  /** Looks whether a run is attached, and at the certificates, once a second. */
  sweep(): void {
    const now = this.#time.monotonic();
    if (this.runs.length > 0) this.#attendedAt = now;
    const { unattended } = this.#config;
    this.#turnsChecksAway = unattended !== undefined && now - this.#attendedAt >= unattended.afterMs;
    if (!this.#certificates || !this.#server || now - this.#lookedAt < 1000) return;
    this.#lookedAt = now;
    this.#certificates.reload(this.#server);
  }
  /** Takes no more requests and waits for those in flight, at most `withinMs`; then ends what is left. */
  async close(withinMs: number): Promise<void> {
    this.#closing = true;
    const server = this.#server;
    this.#server = null;
    if (server) await closeGently(server, withinMs, this.#tunnels);
    this.production.close();
  }

  #serve(request: IncomingMessage, response: ServerResponse, target: Target): () => void {
    if (this.#closing) response.shouldKeepAlive = false;
    if (isStranded(request, this.runs)) {
      refuse(response, stranded);
      return nothing;
    }
    if (this.#turnsChecksAway && this.#isCheck(request)) {
      refuse(response, leaving);
      return nothing;
    }
    const key = keyOf(request);
    const visitor = this.#visitor(request, target, key);
    const placement = place(visitor, this.production, this.runs, this.#time);
    if (placement.synthetic === null) this.rate.count(visitor.at);
    const counted = this.counts.follow(response, placement.role, placement.synthetic === null ? 'real' : 'synthetic', visitor.at);
    const forwarding: Forwarding = {
      cluster: placement.cluster,
      path: target.path,
      headers: passedOnFromClient(request, target, this.#forwardedBy.headers(request, target)),
      addToAnswer: key === null && placement.synthetic === null ? newKey(this.#forwardedBy.scheme(request)) : [],
      observers: placement.observers,
      retry: placement.role === 'production',
      answerMs: this.#config.limits?.answerMs,
    };
    const entry = entryOf(placement, forwarding.headers);
    const { treatment } = placement;
    if (entry === null) return both(counted, forward(request, response, forwarding));
    if (treatment?.slice.rules.mode === 'mirror') return both(counted, mirror(request, response, treatment, forwarding, entry));
    if (treatment?.slice.rules.mode === 'shield') {
      this.#shield(request, response, treatment, placement, forwarding, entry);
      return counted;
    }
    this.#follow(placement, request.socket, response, () => false);
    return both(counted, forward(request, response, entering(forwarding, entry)));
  }
  #isCheck({ headers }: IncomingMessage): boolean {
    const { unattended } = this.#config;
    return unattended !== undefined && (headers['user-agent'] ?? '').startsWith(unattended.checkedBy);
  }
  #visitor(request: IncomingMessage, { path }: Target, cookie: string | null): Visitor {
    return { request, path, at: this.#time.monotonic(), cookie, client: () => this.#forwardedBy.client(request) };
  }
  /** The arm answers, unless it fails: then production does, and the user has left the arm. */
  #shield(
    request: IncomingMessage,
    response: ServerResponse,
    { slice, run, arm, request: watch }: Treatment,
    placement: Placement,
    forwarding: Forwarding,
    entry: Entry,
  ): void {
    const { production } = this;
    const exchange = new ShieldedExchange(request, response, {
      ...forwarding,
      ...entry,
      arm: run.arms[arm],
      request: watch,
      withinMs: slice.config.caps.latencyLimitMs / 2,
      instead: (user, body) => {
        left();
        response.on('close', forward(request, response, { ...forwarding, cluster: production, body, observers: [user], retry: true }));
      },
    });
    const left = this.#follow(placement, request.socket, response, () => exchange.giveUp());
    exchange.start();
  }
  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, target: Target, isWebSocket: boolean): Promise<void> {
    if (isStranded(request, this.runs)) {
      refuseOn(socket, stranded);
      return;
    }
    const key = keyOf(request);
    const placement = place(this.#visitor(request, target, key), this.production, this.runs, this.#time);
    const upstream = placement.cluster.pick();
    if (!upstream) {
      for (const observer of placement.observers) observer.broken();
      refuseOn(socket, { status: 502, why: 'no instance' });
      return;
    }
    const at = placement.cluster.instances.indexOf(upstream);
    for (const observer of placement.observers) observer.sentTo?.(at);
    this.#tunnels.add(socket);
    socket.on('close', () => this.#tunnels.delete(socket));
    this.#follow(placement, socket, socket, () => false);
    const headers = passedOnFromClient(request, target, this.#forwardedBy.headers(request, target));
    const entry = entryOf(placement, headers);
    const came = entry?.fault ? await upgradeUnderFault(entry.fault, socket) : 'goes on';
    if (came !== 'goes on') {
      for (const observer of placement.observers) {
        if (came !== 'ended') observer.answered(came, undefined);
        observer[came === 'ended' ? 'broken' : 'finished']();
      }
      return;
    }
    tunnel(request, socket, head, {
      address: upstream.address,
      path: target.path,
      headers,
      addToAnswer: key === null && placement.synthetic === null ? newKey(this.#forwardedBy.scheme(request)) : [],
      ...entry,
      upgrade: isWebSocket,
      observers: placement.observers,
    });
  }
  /**
   * Keeps a real request in the book of those that are in an arm until it, or its connection, is closed, or the answer is called. When it
   * is to leave at once, `giveUp` may take it out gently; if that cannot be done any more, its connection ends.
   */
  #follow({ by, observers }: Placement, connection: Duplex, exchange: ServerResponse | Duplex, giveUp: () => boolean): () => void {
    if (by === null) return nothing;
    const left = this.inFlight.enter(by, () => {
      if (giveUp()) return;
      // Told first: to a tunnel that is open, its client's end would be a good one.
      for (const observer of observers) observer.broken();
      connection.destroy();
    });
    exchange.on('close', left);
    return left;
  }
}

/** One shape for all: a copy by `...` of two objects would cost more than placing the request did. */
function entering({ cluster, path, addToAnswer, observers, retry, answerMs }: Forwarding, entry: Entry): Forwarding {
  const { headers, fault, soften } = entry;
  return { cluster, path, headers, addToAnswer: entry.addToAnswer ?? addToAnswer, observers, retry, answerMs, fault, soften };
}

const nothing = () => undefined;
const both = (one: () => void, other: () => void) => () => {
  one();
  other();
};
const leaving = { status: 503, why: 'no run is attached here any more: this door closes soon' };
const stranded = { status: 410, why: 'the run of this synthetic request is not here' };

function forwardedBy({ trustedProxies = [], tls }: RouteConfig): ForwardedBy {
  return new ForwardedBy(trustedProxies, tls ? 'https' : 'http');
}

/** Who got the cookie over TLS shows it over nothing else. */
function newKey(scheme: 'http' | 'https'): string[] {
  const secure = scheme === 'https' ? '; Secure' : '';
  return ['set-cookie', `${keyCookie}=${randomHex(16)}; Path=/; HttpOnly; SameSite=Lax${secure}`];
}

/** Stops listening, lets what is in flight finish for at most `withinMs`, then ends the rest. */
export async function closeGently(server: Server, withinMs: number, tunnels: ReadonlySet<Duplex> = new Set()): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), 20);
  const rest = setTimeout(() => {
    server.closeAllConnections();
    for (const socket of tunnels) socket.destroy();
  }, withinMs);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearInterval(idle);
  clearTimeout(rest);
}

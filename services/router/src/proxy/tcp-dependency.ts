import { connect, createServer, type Server, type Socket } from 'node:net';
import { HaldaneError } from '@haldane/core';
import { listen } from '../door/listener.ts';
import { delayOf } from '../fault/fault-draw.ts';
import type { MetFault } from '../fault/fault-switch.ts';
import { held, released } from '../fault/held.ts';
import type { Carrier, FaultSource } from './carrier.ts';

/**
 * Carries bytes. A call is a connection. When a fault begins, connections that are open meet it too (each counts once more):
 * refuse and reset end them, hang holds what the arm sends, delay slows each piece that it sends.
 */
export class TcpDependency implements Carrier {
  readonly #source: FaultSource;
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;
  readonly #pairs = new Set<Pair>();

  constructor(target: string, source: FaultSource) {
    this.#source = source;
    [this.#host, this.#port] = addressOf(target);
    // Half-open stays half-open: some protocols send their last words after the other side has finished.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#connect(client));
  }
  open(port: number, host: string): Promise<number> {
    return listen(this.#server, port, host);
  }
  follow(): void {
    for (const pair of this.#pairs) pair.follow(this.#source.fault ? this.#source.meet(false) : null);
  }
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const pair of this.#pairs) pair.end();
    });
  }

  #connect(client: Socket): void {
    const met = this.#source.meet(false);
    client.on('error', () => client.destroy());
    if (met?.fault.mode === 'refuse' || met?.fault.mode === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const pair = new Pair(client, () => connect({ host: this.#host, port: this.#port, allowHalfOpen: true, noDelay: true }), met);
    this.#pairs.add(pair);
    client.on('close', () => this.#pairs.delete(pair));
  }
}

/** A connection of the arm and the one that it was given to the dependency. */
class Pair {
  readonly #client: Socket;
  readonly #server: Socket;
  #met: MetFault | null;

  constructor(client: Socket, dial: () => Socket, met: MetFault | null) {
    this.#client = client;
    this.#met = met;
    this.#server = dial();
    this.#server.on('error', () => client.resetAndDestroy());
    this.#server.on('close', () => client.destroySoon());
    client.on('close', () => this.#server.destroy());
    this.#server.pipe(client);
    void this.#carry();
  }
  follow(met: MetFault | null): void {
    const held = this.#met?.fault.mode === 'hang';
    this.#met = met;
    if (held || met?.fault.mode === 'refuse' || met?.fault.mode === 'reset') this.#client.resetAndDestroy();
  }
  end(): void {
    this.#client.destroy();
  }

  /** From the arm to the dependency, piece by piece, so that a fault can hold each one. */
  async #carry(): Promise<void> {
    try {
      // The end of what the arm sends must not close what it still reads.
      for await (const piece of this.#client.iterator({ destroyOnReturn: false })) {
        if (this.#met?.fault.mode === 'hang') await released(this.#met.changed);
        if (this.#met?.fault.mode === 'delay') await held(delayOf(this.#met.fault, this.#met.n), this.#met.changed);
        if (!this.#server.write(piece as Buffer)) await drained(this.#server);
      }
      this.#server.end();
    } catch {
      // The arm's side broke: so does the other.
      this.#server.destroy();
    }
  }
}

/** Resolves when more can be written, or never will be. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      socket.off('drain', end);
      socket.off('close', end);
      resolve();
    };
    socket.on('drain', end);
    socket.on('close', end);
  });
}

const usualPorts: Readonly<Record<string, number>> = {
  'https:': 443,
  'http:': 80,
  'postgres:': 5432,
  'postgresql:': 5432,
  'mysql:': 3306,
  'redis:': 6379,
  'rediss:': 6379,
  'amqp:': 5672,
  'amqps:': 5671,
  'mongodb:': 27017,
  'ldap:': 389,
  'ldaps:': 636,
};

function addressOf(target: string): [host: string, port: number] {
  const text = target.includes('://') ? target : `tcp://${target}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  const port = url ? Number(url.port) || usualPorts[url.protocol] : undefined;
  if (!url?.hostname || !port) throw new HaldaneError('bad-request', 'proxy.target must be host:port or a URL with a host and a port');
  return [url.hostname.replace(/^\[|\]$/g, ''), port];
}

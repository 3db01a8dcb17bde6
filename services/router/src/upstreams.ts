import type { SecureContext } from 'node:tls';
import { ConnectionPool } from './connection-pool.ts';
import type { RouterTime } from './time.ts';

/** How long an instance that refused a connection is passed over. */
const skipMs = 1000;
const connectMs = 2000;

/** One instance. */
export class Upstream {
  readonly address: string;
  readonly pool: ConnectionPool;
  /** Whom an https instance may be certified by; null: the usual authorities. */
  readonly tls: SecureContext | null;
  readonly #time: RouterTime;
  #badUntil = Number.NEGATIVE_INFINITY;
  constructor(address: string, time: RouterTime, tls: SecureContext | null) {
    this.address = address;
    this.tls = tls;
    this.#time = time;
    // No limit on connections: a queue here would be latency that the arm did not cause. Answers may stay silent for long (event streams).
    this.pool = new ConnectionPool(address, {
      bodyTimeout: 0,
      headersTimeout: 300_000,
      connect: { timeout: connectMs, ...(tls === null ? {} : { secureContext: tls }) },
    });
  }
  get healthy(): boolean {
    return this.#badUntil === Number.NEGATIVE_INFINITY || this.#time.monotonic() >= this.#badUntil;
  }
  /** It refused a connection: pass over it for a second. */
  refused(): void {
    this.#badUntil = this.#time.monotonic() + skipMs;
  }
  /** Ends its connections once what is in flight has finished. */
  close(): void {
    this.pool.close().catch(() => {
      // already closed: nothing is left to end
    });
  }
}

/** A set of equal instances, taken in turn. */
export class Cluster {
  readonly #time: RouterTime;
  readonly #tls: SecureContext | null;
  #instances: readonly Upstream[];
  #turn = 0;
  /** `tls`: whom https instances may be certified by; null: the usual authorities. */
  constructor(addresses: readonly string[], time: RouterTime, tls: SecureContext | null = null) {
    this.#time = time;
    this.#tls = tls;
    this.#instances = addresses.map((address) => new Upstream(address, time, tls));
  }
  get instances(): readonly Upstream[] {
    return this.#instances;
  }
  /** The next healthy one, or the next when none is. `other` is passed over if there is a choice. Null when there are none at all. */
  pick(other: Upstream | null = null): Upstream | null {
    const count = this.#instances.length;
    this.#turn = (this.#turn + 1) % Math.max(count, 1);
    let fallback: Upstream | null = null;
    for (let i = 0; i < count; i += 1) {
      const instance = this.#instances[(this.#turn + i) % count] as Upstream;
      if (instance === other && count > 1) continue;
      if (instance.healthy) return instance;
      fallback ??= instance;
    }
    return fallback;
  }
  /** These addresses from now on. Instances that stay keep their connections; what is in flight at those that go finishes there. */
  replace(addresses: readonly string[]): void {
    const before = new Map(this.#instances.map((instance) => [instance.address, instance]));
    this.#instances = addresses.map((address) => before.get(address) ?? new Upstream(address, this.#time, this.#tls));
    for (const instance of before.values()) if (!addresses.includes(instance.address)) instance.close();
  }
  close(): void {
    for (const instance of this.#instances) instance.close();
  }
}

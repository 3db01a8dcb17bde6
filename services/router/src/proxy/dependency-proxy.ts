import { type DependencyFault, HaldaneError } from '@haldane/core';
import type { ProxyConfig, ProxyView } from '@haldane/dataplane';
import { Lease } from '../lease.ts';
import type { RunLedger } from '../run/run-ledger.ts';
import type { RouterTime } from '../time.ts';
import type { Carrier, FaultSource } from './carrier.ts';
import { meets } from './fault-draw.ts';
import { HttpDependency } from './http-dependency.ts';
import { TcpDependency } from './tcp-dependency.ts';

/** One dependency as one arm reaches it. Its fault ends with it, and it ends with its lease. */
export class DependencyProxy implements FaultSource {
  readonly lease: Lease;
  readonly #config: ProxyConfig;
  readonly #carrier: Carrier;
  readonly #ledger: RunLedger;
  readonly #verify: (header: string | readonly string[] | undefined) => boolean;
  #port = 0;
  #fault: DependencyFault | null = null;
  #changed = new AbortController();
  #calls = 0;
  #met = 0;
  #draws = 0;

  constructor(
    config: ProxyConfig,
    ledger: RunLedger,
    verify: (header: string | readonly string[] | undefined) => boolean,
    time: RouterTime,
  ) {
    this.#config = config;
    this.#ledger = ledger;
    this.#verify = verify;
    this.lease = new Lease(time, config.until);
    this.#carrier = config.as === 'tcp' ? new TcpDependency(config.target, this) : new HttpDependency(config, this);
  }
  async open(host: string): Promise<void> {
    this.#port = await this.#carrier.open(0, host);
  }
  /** Whether this is the same proxy, so that putting it again only renews it. */
  isSame(config: ProxyConfig): boolean {
    const { until: _mine, ...mine } = this.#config;
    const { until: _theirs, ...theirs } = config;
    return JSON.stringify(sorted(mine)) === JSON.stringify(sorted(theirs));
  }
  get runId(): string {
    return this.#config.runId;
  }
  get fault(): DependencyFault | null {
    return this.lease.isOver() ? null : this.#fault;
  }
  get changed(): AbortSignal {
    return this.#changed.signal;
  }
  setFault(fault: DependencyFault): void {
    const objection = objectionTo(fault, this.#config);
    if (objection !== null) throw new HaldaneError('bad-request', objection);
    if (JSON.stringify(sorted(fault)) === JSON.stringify(sorted(this.#fault))) return;
    this.#fault = fault;
    this.#draws = 0;
    this.#follow();
  }
  get call(): number {
    return this.#draws;
  }
  clearFault(): void {
    if (this.#fault === null) return;
    this.#fault = null;
    this.#follow();
  }
  meet(check: boolean): DependencyFault | null {
    const fault = this.fault;
    this.#draws += 1;
    const met = fault !== null && meets(fault, this.#draws);
    if (!check) {
      this.#calls += 1;
      if (met) this.#met += 1;
      this.#ledger.call(this.#config.arm, met);
    }
    return met ? fault : null;
  }
  isCheck(header: string | readonly string[] | undefined): boolean {
    return header !== undefined && this.#verify(header);
  }
  async close(): Promise<void> {
    this.#fault = null;
    this.#changed.abort();
    await this.#carrier.close();
  }
  view(): ProxyView {
    const { target: _target, tls: _tls, trust: _trust, until: _until, ...told } = this.#config;
    return { ...told, until: this.lease.until, port: this.#port, fault: this.fault, calls: this.#calls, met: this.#met };
  }

  #follow(): void {
    const before = this.#changed;
    this.#changed = new AbortController();
    before.abort();
    this.#carrier.follow();
  }
}

/** Why this proxy cannot make this fault felt, and what to do instead; null when it can. */
function objectionTo({ mode, percent = 100 }: DependencyFault, { proxy, as, tls }: ProxyConfig): string | null {
  if (as === 'tcp' && !['refuse', 'reset', 'hang', 'delay'].includes(mode))
    return `fault.mode is ${mode}, but proxy ${proxy} carries tcp and cannot answer: use refuse, reset, hang or delay, or declare the dependency as http or https`;
  if (mode !== 'wrong-name' && mode !== 'expired') return null;
  if ((mode === 'expired' ? tls?.expired : tls?.wrongName) === undefined)
    return `fault.mode is ${mode}, but proxy ${proxy} was given no such certificate: it must be https, with the certificates that the run's authority made`;
  return percent < 100 ? `fault.mode ${mode} is met by every connection: leave fault.percent out` : null;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, inner]) => [key, sorted(inner)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

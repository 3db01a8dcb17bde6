import { type DependencyFault, HaldaneError } from '@haldane/core';
import type { ProxyConfig, ProxyView } from '@haldane/dataplane';
import { FaultSwitch, type MetFault, sorted } from '../fault/fault-switch.ts';
import { Lease } from '../lease.ts';
import type { RunLedger } from '../run/run-ledger.ts';
import type { RouterTime } from '../time.ts';
import type { Carrier, FaultSource } from './carrier.ts';
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
  readonly #switch = new FaultSwitch();
  #calls = 0;
  #met = 0;

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
    this.#port = await this.#carrier.open(this.#config.port ?? 0, host);
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
  /** Whether it outlives its lease, without its fault. */
  get stays(): boolean {
    return this.#config.stays === true;
  }
  get fault(): DependencyFault | null {
    return this.lease.isOver() ? null : this.#switch.fault;
  }
  setFault(fault: DependencyFault): void {
    const objection = objectionTo(fault, this.#config);
    if (objection !== null) throw new HaldaneError('bad-request', objection);
    if (this.#switch.turn(fault)) this.#carrier.follow();
  }
  clearFault(): void {
    if (this.#switch.turn(null)) this.#carrier.follow();
  }
  meet(check: boolean): MetFault | null {
    const met = this.lease.isOver() ? null : this.#switch.meet();
    if (!check) {
      this.#calls += 1;
      if (met !== null) this.#met += 1;
      this.#ledger.call(this.#config.arm, met !== null);
    }
    return met;
  }
  isCheck(header: string | readonly string[] | undefined): boolean {
    return header !== undefined && this.#verify(header);
  }
  async close(): Promise<void> {
    this.#switch.turn(null);
    await this.#carrier.close();
  }
  view(): ProxyView {
    const { target: _target, tls: _tls, trust: _trust, until: _until, ...told } = this.#config;
    return { ...told, until: this.lease.until, port: this.#port, fault: this.fault, calls: this.#calls, met: this.#met };
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

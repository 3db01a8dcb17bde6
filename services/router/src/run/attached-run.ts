import type { IncomingMessage } from 'node:http';
import { type Arm, arms, type RequestFault } from '@haldane/core';
import { type Attachment, drawKey, type KeyDraw, type RequestFaultView, type SliceConfig } from '@haldane/dataplane';
import { FaultSwitch, type MetFault } from '../fault/fault-switch.ts';
import { Lease } from '../lease.ts';
import { PlacedSlice } from '../slice/placed-slice.ts';
import type { RouterTime } from '../time.ts';
import { Cluster } from '../upstreams.ts';
import { KeyDraws } from './key-draws.ts';
import type { RunLedger } from './run-ledger.ts';

/** A run that has arms behind a route, for as long as its lease lasts. */
export class AttachedRun {
  readonly runId: string;
  readonly route: string;
  readonly arms: Readonly<Record<Arm, Cluster>>;
  readonly ledger: RunLedger;
  readonly lease: Lease;
  readonly #draws: KeyDraws;
  /** On the way from the door to each arm. */
  readonly #faults: Readonly<Record<Arm, FaultSwitch<RequestFault>>> = { control: new FaultSwitch(), experiment: new FaultSwitch() };
  readonly #met: Record<Arm, number> = { control: 0, experiment: 0 };
  readonly #time: RouterTime;
  /** In the order in which they were put. */
  readonly #slices = new Map<string, PlacedSlice>();
  /** The one that governs: the latest. */
  #latest: PlacedSlice | null = null;

  constructor(attachment: Attachment, ledger: RunLedger, time: RouterTime) {
    this.runId = attachment.runId;
    this.route = attachment.route;
    this.#draws = new KeyDraws(attachment.secret);
    this.arms = { control: new Cluster(attachment.arms.control, time), experiment: new Cluster(attachment.arms.experiment, time) };
    this.ledger = ledger;
    this.#time = time;
    this.lease = new Lease(time, attachment.until);
    ledger.attach();
  }
  /** The same attachment again: addresses, secret and lease follow, slices stay. */
  update(attachment: Attachment): void {
    this.#draws.use(attachment.secret);
    this.arms.control.replace(attachment.arms.control);
    this.arms.experiment.replace(attachment.arms.experiment);
    this.lease.renew(attachment.until);
  }
  get secret(): string {
    return this.#draws.secret;
  }
  /** Null once the lease is over, whatever else is still here. */
  get slice(): PlacedSlice | null {
    return this.lease.isOver() ? null : this.#latest;
  }
  /** As `slice`, for whoever has just asked the lease. */
  get latest(): PlacedSlice | null {
    return this.#latest;
  }
  get slices(): readonly SliceConfig[] {
    return [...this.#slices.values()].map(({ config }) => config);
  }
  putSlice(slice: SliceConfig): void {
    const known = this.#slices.get(slice.name);
    if (known !== undefined && JSON.stringify(known.config) === JSON.stringify(slice)) return;
    const placed = new PlacedSlice(slice, this.#time);
    this.#slices.delete(slice.name);
    this.#slices.set(slice.name, placed);
    this.#limit();
  }
  deleteSlice(name: string): void {
    this.#slices.delete(name);
    this.#limit();
  }
  /** What requests to this arm meet from now on; null: nothing. */
  fault(arm: Arm, fault: RequestFault | null): void {
    this.#faults[arm].turn(fault);
  }
  get faults(): readonly RequestFaultView[] {
    return arms.flatMap((arm) => {
      const { fault } = this.#faults[arm];
      return fault === null ? [] : [{ arm, fault, met: this.#met[arm] }];
    });
  }
  /** The fault that the next request to this arm meets, or null. A check of Haldane's own is not counted. */
  meet(arm: Arm, isCheck: boolean): MetFault | null {
    const met = this.#faults[arm].meet();
    if (met !== null && !isCheck) {
      this.#met[arm] += 1;
      this.ledger.meet(arm);
    }
    return met;
  }
  draw(key: string): KeyDraw {
    return this.#draws.of(key);
  }
  /**
   * Whether this user's request repeats one that came before: same method, path and `idempotency-key`. Without that header nobody can tell a
   * retry from a second wish, and a user who fails again and again is counted once anyway.
   */
  isAgain(request: IncomingMessage, key: string): boolean {
    const named = request.headers['idempotency-key'];
    if (named === undefined) return false;
    return this.ledger.retries.note(drawKey(this.secret, `again ${key} ${request.method} ${request.url} ${named}`).hash);
  }
  /** Ends slices and faults and forgets the secret. What is in flight in the arms finishes there. */
  end(): void {
    this.#slices.clear();
    this.#latest = null;
    for (const arm of arms) this.fault(arm, null);
    this.#draws.forget();
    this.ledger.detach();
    this.arms.control.close();
    this.arms.experiment.close();
  }

  #limit(): void {
    this.#latest = [...this.#slices.values()].at(-1) ?? null;
    const slice = this.slice;
    if (slice) this.ledger.limit(slice.config.caps, slice.config.leased === true);
  }
}

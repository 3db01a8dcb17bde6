import type { Arm } from '@haldane/core';
import { type Attachment, drawKey, type KeyDraw, type SliceConfig } from '@haldane/dataplane';
import { Lease } from '../lease.ts';
import type { RouterTime } from '../time.ts';
import { Cluster } from '../upstreams.ts';
import type { RunLedger } from './run-ledger.ts';

/** A run that has arms behind a route, for as long as its lease lasts. */
export class AttachedRun {
  readonly runId: string;
  readonly route: string;
  readonly arms: Readonly<Record<Arm, Cluster>>;
  readonly ledger: RunLedger;
  readonly lease: Lease;
  #secret: string;
  /** In the order in which they were put; the latest governs. */
  readonly #slices = new Map<string, SliceConfig>();

  constructor(attachment: Attachment, ledger: RunLedger, time: RouterTime) {
    this.runId = attachment.runId;
    this.route = attachment.route;
    this.#secret = attachment.secret;
    this.arms = { control: new Cluster(attachment.arms.control, time), experiment: new Cluster(attachment.arms.experiment, time) };
    this.ledger = ledger;
    this.lease = new Lease(time, attachment.until);
    ledger.attach();
  }
  /** The same attachment again: addresses, secret and lease follow, slices stay. */
  update(attachment: Attachment): void {
    this.#secret = attachment.secret;
    this.arms.control.replace(attachment.arms.control);
    this.arms.experiment.replace(attachment.arms.experiment);
    this.lease.renew(attachment.until);
  }
  get secret(): string {
    return this.#secret;
  }
  /** Null once the lease is over, whatever else is still here. */
  get slice(): SliceConfig | null {
    return this.lease.isOver() ? null : ([...this.#slices.values()].at(-1) ?? null);
  }
  get slices(): readonly SliceConfig[] {
    return [...this.#slices.values()];
  }
  putSlice(slice: SliceConfig): void {
    if (JSON.stringify(this.#slices.get(slice.name)) !== JSON.stringify(slice)) this.#slices.delete(slice.name);
    this.#slices.set(slice.name, slice);
    this.#limit();
  }
  deleteSlice(name: string): void {
    this.#slices.delete(name);
    this.#limit();
  }
  draw(key: string): KeyDraw {
    return drawKey(this.#secret, key);
  }
  /** Ends the slices and forgets the secret. What is in flight in the arms finishes there. */
  end(): void {
    this.#slices.clear();
    this.#secret = '';
    this.ledger.detach();
    this.arms.control.close();
    this.arms.experiment.close();
  }

  #limit(): void {
    const slice = this.slice;
    if (slice) this.ledger.limit(slice.caps);
  }
}

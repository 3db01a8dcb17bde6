import type { Arm } from '@haldane/core';
import type { Attachment, KeyDraw, SliceConfig } from '@haldane/dataplane';
import { Lease } from '../lease.ts';
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
  /** In the order in which they were put. */
  readonly #slices = new Map<string, SliceConfig>();
  /** The one that governs: the latest. */
  #latest: SliceConfig | null = null;

  constructor(attachment: Attachment, ledger: RunLedger, time: RouterTime) {
    this.runId = attachment.runId;
    this.route = attachment.route;
    this.#draws = new KeyDraws(attachment.secret);
    this.arms = { control: new Cluster(attachment.arms.control, time), experiment: new Cluster(attachment.arms.experiment, time) };
    this.ledger = ledger;
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
  get slice(): SliceConfig | null {
    return this.lease.isOver() ? null : this.#latest;
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
    return this.#draws.of(key);
  }
  /** Ends the slices and forgets the secret. What is in flight in the arms finishes there. */
  end(): void {
    this.#slices.clear();
    this.#latest = null;
    this.#draws.forget();
    this.ledger.detach();
    this.arms.control.close();
    this.arms.experiment.close();
  }

  #limit(): void {
    this.#latest = [...this.#slices.values()].at(-1) ?? null;
    const slice = this.slice;
    if (slice) this.ledger.limit(slice.caps);
  }
}

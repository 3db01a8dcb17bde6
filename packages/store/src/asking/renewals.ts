import type { Fence } from '@haldane/core';
import { claimKey, holding } from './held-rows.ts';
import type { Line } from './line.ts';
import { Together } from './together.ts';

type Renewal = { readonly fence: Fence; readonly leaseMs: number };

const most = 256;
/** A lease is counted from before it was asked for, so waiting for company makes it no longer. */
const gatherMs = 50;
/** What a renewal may take: so much of the lease that there is time for another, and never less than a busy server needs. */
const renewWithinMs = (leaseMs: number) => Math.max(1_000, leaseMs / 4);

/** The leases of all the runs that this process drives, renewed together. */
export class Renewals {
  readonly #line: Line;
  readonly #together: Together<Renewal, number | null>;

  constructor(line: Line) {
    this.#line = line;
    this.#together = new Together({ most, gatherMs, ask: (all) => this.#renew(all) });
  }

  /** The new end of the lease in epoch ms by the database's clock; null when the claim is no longer held. */
  renew(fence: Fence, leaseMs: number, signal?: AbortSignal): Promise<number | null> {
    return this.#together.ask({ fence, leaseMs }, signal);
  }

  async #renew(all: readonly Renewal[]): Promise<readonly (number | null | Promise<number | null>)[]> {
    const renewed = await this.#ask(all, false);
    // One that was passed over: its row was locked, or the claim is lost.
    const waiting = async (one: Renewal) => (await this.#ask([one], true)).get(claimKey(one.fence)) ?? null;
    return all.map((one) => renewed.get(claimKey(one.fence)) ?? waiting(one));
  }

  async #ask(all: readonly Renewal[], waiting: boolean): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#line.ask<{ readonly id: string; readonly fence: number; readonly lease_until: Date }>(
      {
        name: waiting ? 'renewals-waiting' : 'renewals',
        text: waiting ? waitingText : text,
        values: [all.map(({ fence }) => fence.runId), all.map(({ fence }) => fence.fence), all.map(({ leaseMs }) => leaseMs)],
      },
      renewWithinMs(Math.min(...all.map(({ leaseMs }) => leaseMs))),
    );
    return new Map(rows.map((row) => [claimKey({ runId: row.id, fence: row.fence }), row.lease_until.getTime()]));
  }
}

const textOf = (waiting: boolean) => `
  ${holding('select * from unnest($1::text[], $2::bigint[], $3::float8[]) as a (id, fence, lease_ms)', waiting)}
  update runs set lease_until = clock_timestamp() + holding.lease_ms * interval '1 millisecond',
    abort_asked = case when watched_until < clock_timestamp()
      then coalesce(abort_asked, 'nobody asked after it for ' || watch_ms / 1000 || ' s') else abort_asked end
  from holding where runs.id = holding.id
  returning runs.id, runs.fence, runs.lease_until`;
const text = textOf(false);
const waitingText = textOf(true);

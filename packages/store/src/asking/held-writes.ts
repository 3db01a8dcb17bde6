import type { Fence, JsonObject, RunEvent } from '@haldane/core';
import type { Insertable } from 'kysely';
import type { EvidenceBlocksTable } from '../database.ts';
import { claimKey, holding } from './held-rows.ts';
import type { Line } from './line.ts';
import { Together } from './together.ts';

type BlockRow = Omit<Insertable<EvidenceBlocksTable>, 'run_id'>;

/** What is to be appended to a run under a claim. */
export type HeldWrite = {
  readonly fence: Fence;
  readonly blocks?: readonly BlockRow[];
  readonly parts?: readonly { readonly kind: string; readonly value: string }[];
  readonly events?: readonly { readonly type: RunEvent['type']; readonly data: JsonObject }[];
};

/** The events as they were numbered and dated; null when the claim is no longer held, and nothing was written. */
export type Written = readonly Told[] | null;

type Told = { readonly seq: number; readonly at: Date };
type WrittenRow = { readonly nth: number; readonly seq: number | null; readonly at: Date | null };

const most = 256;
const withinMs = 15_000;

/**
 * Evidence and events of all the runs that this process drives, one statement for what there is to write at a time. Each run is written under
 * its own fence, as if it were alone; what a run writes in one breath is there together or not at all.
 */
export class HeldWrites {
  readonly #line: Line;
  readonly #together: Together<HeldWrite, Written>;

  constructor(line: Line) {
    this.#line = line;
    this.#together = new Together({ most, ask: (writes) => this.#write(writes) });
  }

  write(write: HeldWrite): Promise<Written> {
    return this.#together.ask(write);
  }

  async #write(writes: readonly HeldWrite[]): Promise<readonly (Written | Promise<Written>)[]> {
    // One that was passed over: its row was locked, or the claim is lost.
    const waiting = async (write: HeldWrite) => (await this.#ask([write], true))[0] ?? null;
    return (await this.#ask(writes, false)).map((written, i) => written ?? waiting(writes[i] as HeldWrite));
  }

  async #ask(writes: readonly HeldWrite[], waiting: boolean): Promise<readonly Written[]> {
    const claims = [...new Map(writes.map(({ fence }) => [claimKey(fence), fence])).values()];
    const nths = new Map(claims.map((fence, nth) => [claimKey(fence), nth]));
    const nthOf = ({ fence }: HeldWrite) => nths.get(claimKey(fence)) as number;
    const rows = await this.#line.ask<WrittenRow>(
      {
        name: waiting ? 'held-writes-waiting' : 'held-writes',
        text: waiting ? waitingText : text,
        values: valuesOf(claims, writes, nthOf),
      },
      withinMs,
    );
    const told = new Map<number, Told[]>(rows.map(({ nth }) => [nth, []]));
    for (const { nth, seq, at } of rows) if (seq !== null && at !== null) told.get(nth)?.push({ seq, at });
    for (const events of told.values()) events.sort((a, b) => a.seq - b.seq);
    return writes.map((write) => told.get(nthOf(write))?.splice(0, write.events?.length ?? 0) ?? null);
  }
}

/** One array a column: the text of the statement is the same however many there are. Rows name their claim by its place among the claims. */
function valuesOf(claims: readonly Fence[], writes: readonly HeldWrite[], nthOf: (write: HeldWrite) => number): unknown[] {
  const blocks = writes.flatMap((write) => (write.blocks ?? []).map((block) => ({ nth: nthOf(write), ...block })));
  const parts = writes.flatMap((write) => (write.parts ?? []).map((part) => ({ nth: nthOf(write), ...part })));
  const events = writes.flatMap((write) => (write.events ?? []).map((event) => ({ nth: nthOf(write), ...event })));
  const counts = claims.map(() => 0);
  for (const { nth } of events) counts[nth] = (counts[nth] ?? 0) + 1;
  const places = claims.map(() => 0);
  const place = (nth: number) => {
    const next = (places[nth] ?? 0) + 1;
    places[nth] = next;
    return next;
  };
  return [
    claims.map(({ runId }) => runId),
    claims.map(({ fence }) => fence),
    counts,
    blocks.map(({ nth }) => nth),
    blocks.map(({ at }) => at),
    blocks.map(({ phase }) => phase),
    blocks.map(({ narrowed }) => narrowed),
    blocks.map(({ budget }) => arrayText(budget)),
    blocks.map((block) => arrayText(block.counts)),
    blocks.map(({ latency_control }) => arrayText(latency_control)),
    blocks.map(({ latency_experiment }) => arrayText(latency_experiment)),
    parts.map(({ nth }) => nth),
    parts.map(({ kind }) => kind),
    parts.map(({ value }) => value),
    events.map(({ nth }) => nth),
    events.map(({ nth }) => place(nth)),
    events.map(({ type }) => type),
    events.map(({ data }) => JSON.stringify(data)),
  ];
}

/** An array as PostgreSQL reads it from text: arrays of arrays of unequal lengths are nothing that it knows. */
const arrayText = (numbers: readonly number[]): string => `{${numbers.join(',')}}`;

/** What is there already stays as it is; numbers of events have no gap, because the run's row is locked. */
const textOf = (waiting: boolean) => `
  ${holding('select id, fence, told, nth - 1 as nth from unnest($1::text[], $2::bigint[], $3::int[]) with ordinality as a (id, fence, told, nth)', waiting)},
  moved as (
    update runs set event_seq = event_seq + holding.told from holding where runs.id = holding.id
    returning holding.nth, runs.id, runs.event_seq - holding.told as before
  ),
  kept_blocks as (
    insert into evidence_blocks (run_id, at, phase, narrowed, budget, counts, latency_control, latency_experiment)
    select moved.id, b.at, b.phase, b.narrowed, b.budget::float8[], b.counts::int[], b.latency_control::int[], b.latency_experiment::int[]
    from unnest($4::int[], $5::bigint[], $6::text[], $7::bool[], $8::text[], $9::text[], $10::text[], $11::text[])
      as b (nth, at, phase, narrowed, budget, counts, latency_control, latency_experiment) join moved using (nth)
    on conflict (run_id, at) do nothing
  ),
  kept_parts as (
    insert into evidence_parts (run_id, kind, value)
    select moved.id, p.kind, p.value::json
    from unnest($12::int[], $13::text[], $14::text[]) with ordinality as p (nth, kind, value, place) join moved using (nth)
    order by p.place
  ),
  told as (
    insert into events (run_id, seq, type, data)
    select moved.id, moved.before + e.place, e.type, e.data::json
    from unnest($15::int[], $16::int[], $17::text[], $18::text[]) as e (nth, place, type, data) join moved using (nth)
    returning run_id, seq, at
  )
  select moved.nth::int as nth, told.seq, told.at from moved left join told on told.run_id = moved.id`;
const text = textOf(false);
const waitingText = textOf(true);

import type { Claim, Fence, JsonObject, Move, NewRun, Run, RunEvent, RunStore, RunsWanted } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import { noteNewsOf } from './memory-outbox.ts';
import type { MemoryTables, RunRow } from './memory-tables.ts';
import { heldRow, rowOf, stored } from './memory-tables.ts';

/** Runs in memory, with the fences, leases and compare-and-set of a real store. */
export class MemoryRunStore implements RunStore {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  async create(wanted: NewRun): Promise<Run> {
    const rows = [...this.#tables.rows.values()];
    const same = wanted.key === null ? undefined : rows.find((row) => row.key === wanted.key);
    if (same) return stored(same.run);
    const holder = rows.find(({ run }) => run.phase !== 'done' && run.service === wanted.service && run.environment === wanted.environment);
    if (holder) {
      throw new HaldaneError(
        'service-taken',
        `service "${wanted.service}" in "${wanted.environment}" is held by run "${holder.run.id}"; wait for it to end, or abort it`,
      );
    }
    const { key, pool = null, by, unattendedMs = null, ...rest } = stored(wanted);
    const run: Run = {
      ...rest,
      phase: 'planning',
      stop: null,
      abortAsked: this.#tables.forestalled.get(JSON.stringify([key, by])) ?? null,
      facts: {},
      version: 1,
      createdAt: this.#tables.clock.now(),
    };
    const row: RunRow = {
      run,
      key,
      pool,
      unattendedMs,
      attendedUntil: this.#tables.clock.now() + (unattendedMs ?? 0),
      notBefore: 0,
      putOff: 0,
      runner: null,
      fence: 0,
      leaseEnd: 0,
      events: [],
      journal: [],
      evidence: [],
    };
    this.#tables.rows.set(run.id, row);
    this.#append(row, 'created', { service: run.service, environment: run.environment });
    return stored(run);
  }

  async get(id: string): Promise<Run | null> {
    const row = this.#tables.rows.get(id);
    return row ? stored(row.run) : null;
  }

  async find(key: string): Promise<Run | null> {
    const row = [...this.#tables.rows.values()].find((one) => one.key === key);
    return row ? stored(row.run) : null;
  }

  async list(limit: number, { before, of }: RunsWanted = {}): Promise<readonly Run[]> {
    const runs = [...this.#tables.rows.values()].map((row) => row.run).reverse();
    runs.sort((a, b) => b.createdAt - a.createdAt);
    const from = before === undefined ? 0 : runs.findIndex((run) => run.id === before) + 1;
    const wanted = (run: Run) => of?.some((one) => one.service === run.service && one.environment === run.environment) ?? true;
    return stored(
      runs
        .slice(before !== undefined && from === 0 ? runs.length : from)
        .filter(wanted)
        .slice(0, limit),
    );
  }

  async claim(runner: string, leaseMs: number, graceMs: number, pools: readonly string[] = []): Promise<Claim | null> {
    const now = this.#tables.clock.now();
    for (const row of this.#tables.rows.values()) {
      if (row.run.phase === 'done' || (row.runner !== null && row.leaseEnd + graceMs > now)) continue;
      if (row.notBefore > now || (row.pool !== null && !pools.includes(row.pool))) continue;
      return this.#held(row, runner, leaseMs, row.fence > 0 && row.leaseEnd <= now);
    }
    return null;
  }

  #held(row: RunRow, runner: string, leaseMs: number, abandoned: boolean): Claim {
    row.runner = runner;
    row.fence += 1;
    row.leaseEnd = this.#tables.clock.now() + leaseMs;
    return { run: stored(row.run), fence: { runId: row.run.id, fence: row.fence }, leaseMs, abandoned, putOff: row.putOff };
  }

  async renew(fence: Fence, leaseMs: number, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const row = heldRow(this.#tables, fence);
    const now = this.#tables.clock.now();
    row.leaseEnd = now + leaseMs;
    if (row.unattendedMs !== null && row.attendedUntil < now)
      await this.askAbort(fence.runId, `nobody asked after it for ${row.unattendedMs / 1000} s`);
    return row.leaseEnd;
  }

  async advance(fence: Fence, version: number, move: Move): Promise<Run> {
    const row = heldRow(this.#tables, fence);
    const { run } = row;
    if (run.version !== version) throw new HaldaneError('conflict', `run "${run.id}" is at version ${run.version}, not ${version}`);
    const { to, stop, learned } = stored(move);
    const stopped = run.stop === null && stop !== undefined;
    row.run = { ...run, phase: to, stop: run.stop ?? stop ?? null, facts: { ...learned, ...run.facts }, version: version + 1 };
    row.putOff = 0;
    this.#append(row, 'phase', { phase: to });
    if (stopped) this.#append(row, 'stop', { reason: stop.reason, why: stop.why });
    if (learned?.verdict && !run.facts.verdict)
      this.#append(row, 'verdict', { verdict: learned.verdict.verdict, headline: learned.verdict.headline });
    if (to === 'done') row.runner = null;
    return stored(row.run);
  }

  async release(fence: Fence): Promise<void> {
    heldRow(this.#tables, fence).runner = null;
  }

  async takeBack(id: string, runner: string, leaseMs: number): Promise<Claim | null> {
    const row = this.#tables.rows.get(id);
    if (row === undefined || row.runner !== null || row.run.phase === 'done') return null;
    return this.#held(row, runner, leaseMs, false);
  }

  async putOff(fence: Fence, ms: number): Promise<void> {
    const row = heldRow(this.#tables, fence);
    row.runner = null;
    row.putOff += 1;
    row.notBefore = this.#tables.clock.now() + ms;
  }

  async askAbort(id: string, why: string): Promise<void> {
    const row = rowOf(this.#tables, id);
    if (row.run.phase !== 'done' && row.run.abortAsked === null) row.run = { ...row.run, abortAsked: why };
  }

  async askedToStop(ids: readonly string[]): Promise<readonly Run[]> {
    return ids.map((id) => rowOf(this.#tables, id).run).filter(({ abortAsked }) => abortAsked !== null);
  }

  async forestall(key: string, by: string, why: string): Promise<Run | null> {
    const known = await this.find(key);
    if (known === null) this.#tables.forestalled.set(JSON.stringify([key, by]), why);
    return known;
  }

  async attended(id: string): Promise<void> {
    const row = rowOf(this.#tables, id);
    if (row.unattendedMs !== null) row.attendedUntil = this.#tables.clock.now() + row.unattendedMs;
  }

  async tell(run: string | Fence, type: RunEvent['type'], data: JsonObject): Promise<RunEvent> {
    const row = typeof run === 'string' ? rowOf(this.#tables, run) : heldRow(this.#tables, run);
    return stored(this.#append(row, type, data));
  }

  async events(runId: string, afterSeq: number, limit: number): Promise<readonly RunEvent[]> {
    const row = this.#tables.rows.get(runId);
    return stored((row?.events ?? []).filter((event) => event.seq > afterSeq).slice(0, limit));
  }

  #append(row: RunRow, type: RunEvent['type'], data: JsonObject): RunEvent {
    const event: RunEvent = { runId: row.run.id, seq: row.events.length + 1, at: this.#tables.clock.now(), type, data: stored(data) };
    row.events.push(event);
    noteNewsOf(this.#tables, row, event);
    return event;
  }
}

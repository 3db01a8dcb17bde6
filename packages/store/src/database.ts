import type { Json, JsonObject } from '@haldane/core';
import type { ColumnType, Generated, Kysely } from 'kysely';

/** A `json` column: read as a value, written as its text, so that nothing on the way can take an array for a PostgreSQL one. */
type JsonColumn<T> = ColumnType<T, string, string>;
/** A column that only the database's own clock writes. */
type ClockColumn<T = Date> = ColumnType<T, never, never>;

export type RunsTable = {
  id: string;
  service: string;
  environment: string;
  experiment: JsonColumn<JsonObject>;
  key: string | null;
  phase: Generated<string>;
  stop: JsonColumn<JsonObject | null>;
  abort_asked: string | null;
  abort_reason: string | null;
  watch_ms: number | null;
  watched_until: ClockColumn<Date | null>;
  facts: JsonColumn<JsonObject>;
  version: Generated<number>;
  created_at: ClockColumn;
  holder: string | null;
  fence: Generated<number>;
  lease_until: ClockColumn<Date | null>;
  released_at: ClockColumn<Date | null>;
  pool: string | null;
  not_before: ClockColumn<Date | null>;
  put_off: Generated<number>;
  event_seq: Generated<number>;
  journal_seq: Generated<number>;
};

export type EventsTable = { run_id: string; seq: number; at: ClockColumn; type: string; data: JsonColumn<JsonObject> };

export type JournalTable = {
  run_id: string;
  seq: number;
  change_id: string;
  change: JsonColumn<JsonObject>;
  before: JsonColumn<Json>;
  state: Generated<string>;
  note: string | null;
};

export type EvidenceBlocksTable = {
  run_id: string;
  at: number;
  phase: string;
  narrowed: boolean;
  budget: number[];
  counts: number[];
  latency_control: number[];
  latency_experiment: number[];
};

export type EvidencePartsTable = { run_id: string; seq: Generated<number>; kind: string; value: JsonColumn<Json> };

export type AlertsTable = {
  receiver: string;
  id: string;
  rule: string;
  severity: string;
  received_at: number;
  fields: JsonColumn<Record<string, string>>;
};

export type SettingsTable = { name: string; value: JsonColumn<Json> };

export type TokensTable = {
  id: string;
  hash: string;
  subject: string;
  grants: JsonColumn<Json>;
  scope: JsonColumn<Json>;
  made_by: string;
  made_with: string | null;
  made_at: ClockColumn;
  expires_at: ClockColumn;
  revoked_at: ClockColumn<Date | null>;
};

export type UsedLoginsTable = { digest: string; expires_at: Date };

export type ServicesTable = { service: string; environment: string; team: string; contact: string; registered_at: ClockColumn };

export type ExperimentsTable = {
  service: string;
  environment: string;
  name: string;
  version: number;
  digest: string;
  spec: JsonColumn<JsonObject>;
  kept_by: string;
  kept_at: ClockColumn;
};

export type AuditTable = { seq: number; at: number; body: string; prev: string; hash: string };

export type HaltTable = { halted: boolean; why: string; changed_by: string | null; changed_at: ClockColumn<Date | null> };

export type SchedulesTable = {
  id: string;
  file: string;
  pool: string;
  cron: string | null;
  zone: string;
  after_deploy: boolean;
  jitter_seconds: number;
  catch_up: string;
  seen_until: Date;
  seen_revision: string | null;
};

export type ScheduleTimesTable = {
  schedule_id: string;
  due: string;
  start_at: Date;
  state: string;
  run_id: string | null;
  why: string | null;
  taken_until: Date | null;
};

/** The tables as the newest migration leaves them. */
export type Tables = {
  runs: RunsTable;
  events: EventsTable;
  journal: JournalTable;
  evidence_blocks: EvidenceBlocksTable;
  evidence_parts: EvidencePartsTable;
  alerts: AlertsTable;
  settings: SettingsTable;
  tokens: TokensTable;
  used_logins: UsedLoginsTable;
  services: ServicesTable;
  experiments: ExperimentsTable;
  audit: AuditTable;
  halt: HaltTable;
  schedules: SchedulesTable;
  schedule_times: ScheduleTimesTable;
};

export type Database = Kysely<Tables>;

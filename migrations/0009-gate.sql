-- What the gate of a service was asked and told: questions with their answers, modes of experiments, accepted risks, broken glass. Entries
-- are added and nothing else; the newest of a kind holds. `body` is core's GateEntry.
create table gate_entries (
  seq         bigint generated always as identity primary key,
  service     text not null,
  environment text not null,
  body        jsonb not null,
  who         text not null,
  at          timestamptz not null default clock_timestamp()
);
create index gate_entries_by_kind on gate_entries (service, environment, (body ->> 'kind'), seq desc);
create index gate_entries_by_live on gate_entries (service, environment, (body ->> 'live')) where body ->> 'kind' = 'ask';

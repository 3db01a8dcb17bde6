-- A row a second: counts as integers in the order that packages/store/src/evidence/block-row.ts gives them.
create table evidence_blocks (
  run_id             text not null references runs (id),
  at                 bigint not null,
  phase              text not null,
  narrowed           boolean not null,
  -- spent, cap, credit
  budget             double precision[] not null,
  counts             integer[] not null,
  -- bin, count, bin, count, ...
  latency_control    integer[] not null,
  latency_experiment integer[] not null,
  primary key (run_id, at)
);

-- Everything else that was observed, in the order in which it was appended.
create table evidence_parts (
  run_id text not null references runs (id),
  seq    bigint generated always as identity,
  kind   text not null,
  value  json not null,
  primary key (run_id, seq)
);

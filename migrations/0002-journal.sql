-- The way back, on disk before the world moves.
create table journal (
  run_id    text not null references runs (id),
  seq       integer not null,
  change_id text not null,
  change    json not null,
  before    json not null,
  state     text not null default 'intended' check (state in ('intended', 'applied', 'reverted', 'stuck')),
  note      text,
  made_at   timestamptz not null default clock_timestamp(),
  marked_at timestamptz,
  primary key (run_id, seq),
  unique (run_id, change_id)
);

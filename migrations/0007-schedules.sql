-- When experiments run again and again. `seen_until`: the times up to here were dealt with.
create table schedules (
  id             text primary key,
  file           text not null,
  pool           text not null,
  cron           text,
  zone           text not null,
  after_deploy   boolean not null,
  jitter_seconds integer not null check (jitter_seconds >= 0),
  catch_up       text not null check (catch_up in ('skip', 'once', 'all')),
  seen_until     timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
  seen_revision  text,
  check (cron is not null or after_deploy)
);

-- Each time once, however many schedulers there are: the key sees to that.
create table schedule_times (
  schedule_id text not null references schedules (id) on delete cascade,
  due         text not null,
  start_at    timestamptz not null,
  state       text not null check (state in ('waiting', 'begun', 'skipped')),
  run_id      text,
  why         text,
  -- Whoever took it has it until then.
  taken_until timestamptz,
  primary key (schedule_id, due)
);
create index schedule_times_to_begin on schedule_times (start_at) where state = 'waiting';

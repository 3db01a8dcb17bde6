-- Runs and what they tell. Values that are hashed, compared or read back whole are `json`, not `jsonb`: it keeps them as
-- they were written, key order included.
create table runs (
  id          text primary key,
  service     text not null,
  environment text not null,
  experiment  json not null,
  -- The caller's own key: asking again for the same thing finds the first run.
  key         text unique,
  phase       text not null default 'planning',
  stop        json,
  abort_asked text,
  facts       json not null default '{}',
  version     integer not null default 1,
  created_at  timestamptz not null default clock_timestamp(),
  -- The claim. `fence` grows with each one, so that a holder that was only asleep can be told from its successor.
  holder      text,
  fence       bigint not null default 0,
  lease_until timestamptz,
  released_at timestamptz,
  -- Counters for what is appended to the run; a row lock on the run makes them gapless per transaction.
  event_seq   integer not null default 0,
  journal_seq integer not null default 0
);

-- One run per service and environment, by the database's own hand.
create unique index one_run_per_service on runs (service, environment) where phase <> 'done';
create index runs_to_claim on runs (lease_until) where phase <> 'done';
create index runs_by_age on runs (created_at desc);

create table events (
  run_id text not null references runs (id),
  seq    integer not null,
  at     timestamptz not null default clock_timestamp(),
  type   text not null,
  data   json not null,
  primary key (run_id, seq)
);

-- Listeners learn that a run has something new; what it is they read from the table.
create function announce_event() returns trigger language plpgsql as $$
begin
  perform pg_notify('haldane_events', new.run_id);
  return null;
end
$$;
create trigger announce_event after insert on events for each row execute function announce_event();

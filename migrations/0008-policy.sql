-- What the policy is asked by. Failures that experiments may cost are set aside before a run and settled after it, one row a run.
create table failure_ledger (
  run_id      text primary key references runs (id),
  service     text not null,
  environment text not null,
  -- The first day of the month (UTC) that it counts for.
  month       date not null,
  reserved    integer not null check (reserved >= 0),
  spent       integer check (spent >= 0)
);
create index failure_ledger_by_month on failure_ledger (service, environment, month);

-- Who has approved that a scenario's version runs on a service in an environment. One person counts once.
create table approvals (
  service     text not null,
  environment text not null,
  scenario    text not null,
  version     integer not null,
  who         text not null,
  why         text not null,
  at          timestamptz not null default clock_timestamp(),
  primary key (service, environment, scenario, version, who)
);

create index runs_by_service on runs (service, created_at desc);

-- Alerts as they arrived, before anyone asked whose they are. Only fields on the allow-list get here.
create table alerts (
  receiver    text not null,
  id          text not null,
  rule        text not null,
  severity    text not null,
  received_at bigint not null,
  fields      json not null,
  primary key (receiver, id)
);
create index alerts_by_time on alerts (received_at);

-- What an operator sets for all runs at once.
create table settings (
  name   text primary key,
  value  json not null,
  set_at timestamptz not null default clock_timestamp()
);

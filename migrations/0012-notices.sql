-- What people are told. News are noted by triggers, in the transaction of the fact itself: neither can be there without the other. Whoever
-- takes them puts notices on their way to receivers, in one step. What is over stays a while, so that nothing is told twice.
create table news (
  id          uuid primary key default gen_random_uuid(),
  seq         bigint generated always as identity,
  -- What tells it from the same once more: a pipeline asks the gate again and again.
  once        text not null unique,
  topic       text not null,
  service     text not null,
  environment text not null,
  run_id      text,
  -- Of the run; only who drives that pool tells of its runs. Null: anybody.
  pool        text,
  data        json not null,
  at          timestamptz not null default clock_timestamp(),
  -- Whoever took it has it until then.
  taken_until timestamptz,
  -- How often it was taken.
  tries       integer not null default 0,
  told_at     timestamptz
);
create index news_to_tell on news (service, environment, seq) where told_at is null;

create table deliveries (
  id          text primary key,
  seq         bigint generated always as identity,
  receiver    text not null,
  service     text not null,
  environment text not null,
  notice      json not null,
  state       text not null default 'waiting' check (state in ('waiting', 'delivered', 'given-up')),
  tries       integer not null default 0,
  why         text,
  made_at     timestamptz not null default clock_timestamp(),
  -- Nobody tries before: it is with somebody, or it failed and waits.
  not_before  timestamptz not null default clock_timestamp(),
  over_at     timestamptz
);
create index deliveries_to_make on deliveries (receiver, service, environment, seq) where state = 'waiting';

-- Of a run that never began there is nothing to tell but what stands on it; of one that was not stuck, not that it is back.
create function note_news_of_run() returns trigger language plpgsql as $$
declare
  wanted text := case when new.type = 'phase' then 'started' when new.type = 'stop' then 'stopped' else new.type end;
  needs  text := case wanted when 'started' then null when 'stuck' then null when 'restored' then 'stuck' else 'started' end;
begin
  if needs is null or exists (select from news where once = concat('run:', new.run_id, ':', needs)) then
    insert into news (once, topic, service, environment, run_id, pool, data)
    select concat('run:', id, ':', wanted), wanted, service, environment, id, pool, new.data from runs where id = new.run_id
    on conflict (once) do nothing;
  end if;
  return null;
end
$$;
create trigger note_news after insert on events for each row
  when (new.type in ('stop', 'verdict', 'stuck', 'restored') or (new.type = 'phase' and new.data ->> 'phase' = 'provisioning'))
  execute function note_news_of_run();

create function note_news_of_gate() returns trigger language plpgsql as $$
declare
  glass boolean := new.body ->> 'kind' = 'break-glass';
begin
  insert into news (once, topic, service, environment, data)
  select case when glass then concat('glass:', new.seq) else concat_ws(':', 'gate', new.service, new.environment, new.body ->> 'revision') end,
    case when glass then 'break-glass' else 'gate-blocked' end, new.service, new.environment, new.body || jsonb_build_object('who', new.who)
  on conflict (once) do nothing;
  return null;
end
$$;
create trigger note_news after insert on gate_entries for each row
  when (new.body ->> 'kind' = 'break-glass' or (new.body ->> 'kind' = 'ask' and new.body ->> 'decision' = 'block'))
  execute function note_news_of_gate();

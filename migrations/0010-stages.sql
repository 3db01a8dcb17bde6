-- What a pipeline may do to a run that it begins: abort it by its key before it is there, and lose it by no longer watching it.
create table forestalled_runs (
  key text not null,
  -- Whoever aborted it: nobody else's run under that key is meant.
  who text not null,
  why text not null,
  at  timestamptz not null default clock_timestamp(),
  primary key (key, who)
);

alter table runs add column watch_ms integer, add column watched_until timestamptz;

-- Both functions wait for each other at the key, and each statement of theirs sees what the other did before.
create function forestall_run(wanted text, by_whom text, reason text) returns text language plpgsql as $$
declare
  known text;
begin
  perform pg_advisory_xact_lock(hashtextextended(wanted, 4279801895));
  select id into known from runs where key = wanted;
  if known is null then
    delete from forestalled_runs where at < clock_timestamp() - interval '1 day';
    insert into forestalled_runs (key, who, why) values (wanted, by_whom, reason) on conflict do nothing;
  end if;
  return known;
end
$$;

create function forestalled(wanted text, by_whom text) returns text language plpgsql strict as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(wanted, 4279801895));
  return (select why from forestalled_runs where key = wanted and who = by_whom);
end
$$;

-- A stage that chooses among experiments is a held deploy too: its pipeline asks after it in place of being told, may abort it, and may be lost.
alter table held_deploys
  -- Whose stage it is; null: a deploy whose system is told.
  add column who text,
  add column abort_asked text,
  add column watch_ms integer,
  add column watched_until timestamptz;

-- A key is of a run or of such a stage, and an abort that overtakes either is remembered.
create or replace function forestall_run(wanted text, by_whom text, reason text) returns text language plpgsql as $$
declare
  known text;
begin
  perform pg_advisory_xact_lock(hashtextextended(wanted, 4279801895));
  select id into known from runs where key = wanted;
  if known is null and not exists (select from held_deploys where id = 'stage:' || wanted) then
    delete from forestalled_runs where at < clock_timestamp() - interval '1 day';
    insert into forestalled_runs (key, who, why) values (wanted, by_whom, reason) on conflict do nothing;
  end if;
  return known;
end
$$;

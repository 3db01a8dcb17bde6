-- Where a flaw came in is news, too.
create or replace function note_news_of_gate() returns trigger language plpgsql as $$
declare
  kind text := new.body ->> 'kind';
begin
  insert into news (once, topic, service, environment, data)
  select case kind
      when 'break-glass' then concat('glass:', new.seq)
      when 'came-in' then concat('came-in:', new.seq)
      else concat_ws(':', 'gate', new.service, new.environment, new.body ->> 'revision') end,
    case kind when 'ask' then 'gate-blocked' else kind end, new.service, new.environment, new.body || jsonb_build_object('who', new.who)
  on conflict (once) do nothing;
  return null;
end
$$;
drop trigger note_news on gate_entries;
create trigger note_news after insert on gate_entries for each row
  when (new.body ->> 'kind' in ('break-glass', 'came-in') or (new.body ->> 'kind' = 'ask' and new.body ->> 'decision' = 'block'))
  execute function note_news_of_gate();

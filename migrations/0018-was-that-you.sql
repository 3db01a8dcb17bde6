-- Changes of who may do what here, whose author is asked whether it was them. What was changed is in `what` (core's RightsChange).
create table rights_changes (
  id       uuid primary key default gen_random_uuid(),
  author   text not null,
  what     json not null,
  -- Whose affair it is, for whoever is told.
  service     text not null,
  environment text not null,
  team        text,
  made_at  timestamptz not null default clock_timestamp(),
  -- Silence until then takes it back; null: nobody is asked, and it stays.
  until    timestamptz,
  -- Its author can answer, and has not got the question: no silence yet.
  ask_first boolean not null default false,
  answered text check (answered in ('kept', 'taken-back')),
  answered_by text,
  why      text,
  over_at  timestamptz
);
create index rights_changes_open on rights_changes (until) where answered is null;

-- The token that a token was made with: what is taken back takes back what was made with it.
alter table tokens add column made_with text;

create function note_news_of_rights() returns trigger language plpgsql as $$
declare
  wanted text := case when new.answered is null then 'rights-changed' else 'rights-taken-back' end;
begin
  insert into news (once, topic, service, environment, data)
  select concat('rights:', new.id, ':', wanted), wanted, new.service, new.environment,
    json_build_object('change', new.id, 'author', new.author, 'team', new.team, 'what', new.what,
      'until', (extract(epoch from new.until) * 1000)::bigint, 'askFirst', new.ask_first, 'by', new.answered_by, 'why', new.why)
  on conflict (once) do nothing;
  return null;
end
$$;
create trigger note_news_of_new after insert on rights_changes for each row execute function note_news_of_rights();
create trigger note_news_of_end after update on rights_changes for each row
  when (old.answered is null and new.answered = 'taken-back') execute function note_news_of_rights();

-- Who may make tokens notes that they were made.
do $$
declare
  who text;
begin
  for who in select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema() and table_name = 'tokens' and privilege_type = 'INSERT' and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('grant select, insert, update on rights_changes to %I', who);
  end loop;
end
$$;
-- Silence begins when the question has arrived: the one message that has an answer to press. A delivery that is given up leaves the change as it is.
create function note_question_arrived() returns trigger language plpgsql security definer as $$
begin
  if tg_relid <> 'deliveries'::regclass then
    raise insufficient_privilege using message = 'questions arrive as deliveries only';
  end if;
  update rights_changes set ask_first = false, until = clock_timestamp() + (until - made_at)
  where ask_first and answered is null
    and id::text = (select split_part(once, ':', 2) from news where id::text = split_part(new.id, '.', 1) and once like 'rights:%:rights-changed');
  return null;
end
$$;
revoke execute on function note_question_arrived() from public;
do $$
begin
  execute format('alter function note_question_arrived() set search_path = %I, pg_temp', current_schema());
end
$$;
-- Looked for in its text: words from outside may hold what PostgreSQL reads as no JSON, and their quotes are escaped in it.
create trigger note_question_arrived after update on deliveries for each row
  when (old.state <> 'delivered' and new.state = 'delivered' and position('"do":"was-me"' in new.notice::text) > 0)
  execute function note_question_arrived();

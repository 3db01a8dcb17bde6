-- A pool's own PostgreSQL role: it does a runner's whole work on the runs of its pool and on none else, and can only append to the audit log.
-- Three kinds of reading (docs/adr/0025): what belongs to a run is narrowed to its own runs and found by their id; what rules ask of everybody
-- it sees whole, in tables or in views of the owner's; all else it is refused. Nothing that asks whether something happened is narrowed.
create table pool_roles (
  role name primary key,
  pool text not null
);
-- Whose role somebody is, is no secret, and each session asks it of itself.
grant select on pool_roles to public;

-- In the owner's name; what a pool says of itself, it says by its name. Not for whoever may execute it but for whoever is a pool's role: rights
-- on functions do not survive every restore. `role` is what `set role` chose; a session without it is whoever logged in.
create function append_audit_of_pool(entry text) returns setof audit language plpgsql security definer as $$
declare
  acting  name := coalesce(nullif(current_setting('role'), 'none'), session_user::text);
  of_pool text := (select pool from pool_roles where role = acting);
  said    jsonb := entry;
begin
  if of_pool is null then
    raise insufficient_privilege using message = format('role %s is the runner of no pool', acting);
  end if;
  if said ->> 'did' is null or said ->> 'to' is null or said ->> 'outcome' is null then
    raise invalid_parameter_value using message = 'an entry says what was done, to what, and how it ended: did, to, outcome';
  end if;
  return query select * from chain_audit(jsonb_build_object(
    'who', 'the runner of pool ' || of_pool,
    'from', concat('role ', acting, ' at ', coalesce(host(inet_client_addr()), 'this machine')),
    'token', null,
    'did', said ->> 'did', 'to', said ->> 'to', 'outcome', said ->> 'outcome', 'code', said ->> 'code', 'detail', coalesce(said -> 'detail', '{}')
  )::text);
end
$$;
revoke execute on function append_audit_of_pool(text) from public;

-- What chains stays as it is; whoever appends comes by here.
alter function append_audit(text) rename to chain_audit;
create function append_audit(entry text) returns setof audit language plpgsql as $$
begin
  if exists (select from pool_roles where role = current_user) then
    return query select * from append_audit_of_pool(entry);
  else
    return query select * from chain_audit(entry);
  end if;
end
$$;

-- The pool that this session is narrowed to; null: it is no pool's role. One that was made a pool's role and is found under its name no more
-- (renamed, or one inherits from it) is refused, and not let loose.
create function own_pool() returns text language plpgsql stable as $$
declare
  own text := (select pool from pool_roles where role = current_user);
begin
  if own is null and has_function_privilege('append_audit_of_pool(text)', 'execute') then
    raise insufficient_privilege using message = format('role %s has the rights of a pool''s runner and is the runner of no pool', current_user),
      hint = 'The owner of the tables calls allow_pool again.';
  end if;
  return own;
end
$$;

-- Of what happens to a run, people are told; whoever tells it may not write what they are told. Put to no other table: it would be a way to
-- tell of any run.
create or replace function note_news_of_run() returns trigger language plpgsql security definer as $$
declare
  wanted text := case when new.type = 'phase' then 'started' when new.type = 'stop' then 'stopped' else new.type end;
  needs  text := case wanted when 'started' then null when 'stuck' then null when 'restored' then 'stuck' else 'started' end;
begin
  if tg_relid <> 'events'::regclass then
    raise insufficient_privilege using message = 'news of runs are noted of events only';
  end if;
  if needs is null or exists (select from news where once = concat('run:', new.run_id, ':', needs)) then
    insert into news (once, topic, service, environment, run_id, pool, data)
    select concat('run:', id, ':', wanted), wanted, service, environment, id, pool, new.data from runs where id = new.run_id
    on conflict (once) do nothing;
  end if;
  return null;
end
$$;
revoke execute on function note_news_of_run() from public;

-- These look nowhere but here: a table of that name in the caller's own session is not meant.
do $$
declare
  here text := quote_ident(current_schema());
  one  text;
begin
  foreach one in array array['append_audit_of_pool(text)', 'own_pool()', 'note_news_of_run()'] loop
    execute format('alter function %s set search_path = %s, pg_temp', one, here);
  end loop;
end
$$;

-- The owner of the tables is not narrowed (nor is pg_dump in its name); whoever is no pool's role sees what it was granted, as before.
alter table runs enable row level security;
create policy pool_sees_own on runs using ((select own_pool()) is null or pool = (select own_pool()));

-- What belongs to a run is seen and made by whoever sees the run.
alter table events enable row level security;
create policy pool_sees_own on events using ((select own_pool()) is null or exists (select from runs where id = run_id));
alter table journal enable row level security;
create policy pool_sees_own on journal using ((select own_pool()) is null or exists (select from runs where id = run_id));
alter table evidence_blocks enable row level security;
create policy pool_sees_own on evidence_blocks using ((select own_pool()) is null or exists (select from runs where id = run_id));
alter table evidence_parts enable row level security;
create policy pool_sees_own on evidence_parts using ((select own_pool()) is null or exists (select from runs where id = run_id));
-- And counts for the run's own service only.
alter table failure_ledger enable row level security;
create policy pool_sees_own on failure_ledger using ((select own_pool()) is null or exists (
  select from runs r where r.id = run_id and r.service = failure_ledger.service and r.environment = failure_ledger.environment));

-- A runner writes what rules read of every pool's runs. What of it is not what it should be is nothing to them, and no error: one pool could stop
-- all others by it. Text of JSON that PostgreSQL cannot take apart (a NUL in it) is nothing at all.
create function read_json(written json) returns jsonb language plpgsql immutable as $$
begin
  return written::jsonb;
exception when others then
  return null;
end
$$;
create function read_number(written text) returns float8 language sql immutable as $$
  select case when written ~ '^-?\d{1,30}(\.\d{1,40})?$' then written::float8 end
$$;

-- What rules ask of runs whoever drives them: a cap that counted one pool's runs only would be none. No more than rules need.
create view policy_open_runs with (security_barrier) as
  select r.id, r.service, r.environment, r.created_at, (r.experiment ->> 'share')::float8 as share,
    case when f.deployment is not null then json_build_object(
      'route', f.deployment ->> 'route',
      'dependencies', (select coalesce(json_agg(one ->> 'name') filter (where one ->> 'name' is not null), '[]') from jsonb_array_elements(
        case when jsonb_typeof(f.deployment -> 'dependencies') = 'array' then f.deployment -> 'dependencies' else '[]' end) as one)
    ) end as touches
  -- Each is read once, which `offset 0` holds.
  from runs r, lateral (select read_json(r.facts) -> 'deployment' as deployment offset 0) f where r.phase <> 'done';
create view policy_standing with (security_barrier) as
  select r.service, r.environment, r.created_at, f.deployment ->> 'platform' as platform, f.deployment ->> 'source' as source
  from runs r, lateral (select read_json(r.facts) -> 'deployment' as deployment offset 0) f
  where f.deployment ->> 'platform' is not null and f.deployment ->> 'source' is not null;
create view policy_passed with (security_barrier) as
  select r.service, r.environment, r.created_at, r.experiment #>> '{scenario,id}' as scenario,
    read_number(f.facts #>> '{plan,scenarioVersion}') as version, f.facts #>> '{deployment,revision}' as revision,
    (r.experiment ->> 'share')::float8 as share, read_number(f.facts #>> '{restored,at}') as at
  from runs r, lateral (select read_json(r.facts) as facts offset 0) f
  where r.phase = 'done' and f.facts #>> '{verdict,verdict}' = 'resilient' and r.experiment ->> 'fault' = 'true';
create view policy_pages with (security_barrier) as
  select p.run_id, r.created_at, f.alert ->> 'id' as id, f.alert ->> 'receiver' as receiver, read_number(f.alert ->> 'receivedAt') as received_at
  from evidence_parts p join runs r on r.id = p.run_id, lateral (select read_json(p.value) as alert offset 0) f where p.kind = 'alerts';
create view policy_failures with (security_barrier) as
  select l.run_id, l.service, l.environment, l.month,
    coalesce(l.spent, case when r.phase <> 'done' then l.reserved else coalesce((
      -- Ended without having been settled: what its last second showed.
      select ceil(least(b.budget[1], 1e9))::int from evidence_blocks b where b.run_id = r.id order by b.at desc limit 1), 0) end) as held
  from failure_ledger l join runs r on r.id = l.run_id;
-- Of what the gate knows, what a report of a run says: where a flaw came in. Whoever asks for more of it is refused, and told nothing by halves.
create view came_in with (security_barrier) as
  select seq, service, environment, body, who, at from gate_entries where body ->> 'kind' = 'came-in';

-- Who could ask the tables may ask the views.
do $$
declare
  who text;
begin
  for who in select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema() and table_name = 'runs' and privilege_type = 'SELECT' and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('grant select on policy_open_runs, policy_standing, policy_passed, policy_pages, policy_failures, came_in to %I', who);
  end loop;
end
$$;

create function note_pool(did text, role name, pool text) returns void language sql as $$
  select from append_audit(json_build_object('who', concat('role ', current_user, ' of the database'), 'token', null,
    'from', coalesce(host(inet_client_addr()), 'this machine'), 'did', did, 'to', concat('pool ', pool), 'outcome', 'allowed', 'code', null,
    'detail', json_build_object('role', role))::text)
$$;

-- Makes a role that can log in the runner of a pool, or lets it run no more. The owner of the tables calls them; what a role may do stands here
-- and nowhere else. A later migration that gives runners something new to read or write grants it to each role in pool_roles.
create function allow_pool(wanted name, of_pool text) returns void language plpgsql as $$
declare
  here  text := quote_ident(current_schema());
  who   text := quote_ident(wanted);
  beyond text;
begin
  -- A role that was one already begins anew: what it was given besides goes.
  if exists (select from pool_roles where role = wanted) then
    execute format('revoke all on all tables in schema %s from %s', here, who);
  end if;
  if has_schema_privilege('public', current_schema(), 'create') then
    raise invalid_parameter_value using message = format('every role may create tables in schema %s', here),
      hint = format('First: revoke create on schema %s from public.', here);
  end if;
  -- Neither what every extension shows everybody, nor that each may ask whose role it is.
  select string_agg(right_of, ', ') into beyond from (
    select 'superuser' as right_of from pg_roles where rolname = wanted and rolsuper
    union all select 'bypassrls' from pg_roles where rolname = wanted and rolbypassrls
    union all select 'createrole' from pg_roles where rolname = wanted and rolcreaterole
    union all select 'createdb' from pg_roles where rolname = wanted and rolcreatedb
    union all select 'replication' from pg_roles where rolname = wanted and rolreplication
    union all select format('member of %s', r.rolname) from pg_auth_members m join pg_roles r on r.oid = m.roleid
      where m.member = (select oid from pg_roles where rolname = wanted)
    union all select format('create in schema %s', here) where has_schema_privilege(wanted, current_schema(), 'create')
    union all select format('rights on %s', c.relname) from pg_class c
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
        and (has_table_privilege(wanted, c.oid, 'insert, update, delete, truncate, references, trigger')
          or has_any_column_privilege(wanted, c.oid, 'insert, update, references')
          or (c.relname <> 'pool_roles' and has_any_column_privilege(wanted, c.oid, 'select')))
    limit 3) as one;
  if beyond is not null then
    raise invalid_parameter_value using message = format('role %s has rights of its own here, beyond those of a runner: %s', wanted, beyond),
      hint = 'Name a role that is neither a superuser nor a member of others, and that has no right in this schema.';
  end if;
  insert into pool_roles (role, pool) values (wanted, of_pool) on conflict (role) do update set pool = excluded.pool;
  execute format('grant usage on schema %s to %s', here, who);
  -- Alerts whole: which of them is about what, only a run can tell, and one that a rule does not see would be none.
  execute format('grant select on migrations, runs, events, journal, evidence_blocks, evidence_parts, failure_ledger, alerts, approvals, locks,
    policy_open_runs, policy_standing, policy_passed, policy_pages, policy_failures, came_in to %s', who);
  execute format('grant update (holder, fence, lease_until, released_at, phase, stop, abort_asked, facts, version, put_off, not_before,
    event_seq, journal_seq) on runs to %s', who);
  execute format('grant insert on events, journal, evidence_blocks, evidence_parts, failure_ledger to %s', who);
  execute format('grant update (state, note, marked_at) on journal to %s', who);
  execute format('grant update (spent) on failure_ledger to %s', who);
  -- The head goes into reports; what others did is not for a pool to read.
  execute format('grant select (seq, hash) on audit to %s', who);
  -- Anew, for a database that was restored without rights.
  grant select on pool_roles to public;
  revoke execute on function append_audit_of_pool(text), note_news_of_run() from public;
  execute format('grant execute on function append_audit_of_pool(text) to %s', who);
  perform note_pool('allowPool', wanted, of_pool);
end
$$;

create function forbid_pool(wanted name) returns void language plpgsql as $$
begin
  perform note_pool('forbidPool', wanted, (select pool from pool_roles where role = wanted));
  execute format('revoke all on all tables in schema %I from %I', current_schema(), wanted);
  execute format('revoke execute on function append_audit_of_pool(text) from %I', wanted);
  execute format('revoke usage on schema %I from %I', current_schema(), wanted);
  delete from pool_roles where role = wanted;
end
$$;
revoke execute on function allow_pool(name, text), forbid_pool(name) from public;

-- A pool's own PostgreSQL role: it sees the runs of its pools and of none, does a runner's whole work on them, and can only append to the
-- audit log. Whoever is not named here sees what it was granted, as before; the owner of the tables sees everything.
create table pool_roles (
  role name not null,
  pool text not null,
  primary key (role, pool)
);

do $$
declare
  here text := quote_ident(current_schema());
begin
  -- Called with the owner's rights, so each looks nowhere but here: a table of that name in the caller's own session is not meant.
  execute format($f$
    create function pools_of_role() returns text[] language sql stable security definer set search_path = %s, pg_temp
      as 'select array_agg(pool) from pool_roles where role = session_user';
    alter function append_audit(text) security definer set search_path = %1$s, pg_temp;
    alter function note_news_of_run() security definer set search_path = %1$s, pg_temp
  $f$, here);
end
$$;

-- Null for whoever is no pool's role; asked once a statement.
alter table runs enable row level security;
create policy pool_sees_own on runs using ((select pools_of_role()) is null or pool is null or pool = any ((select pools_of_role())::text[]));

-- What belongs to a run is seen and made by whoever sees the run.
alter table events enable row level security;
create policy pool_sees_own on events using ((select pools_of_role()) is null or exists (select from runs where id = run_id));
alter table journal enable row level security;
create policy pool_sees_own on journal using ((select pools_of_role()) is null or exists (select from runs where id = run_id));
alter table evidence_blocks enable row level security;
create policy pool_sees_own on evidence_blocks using ((select pools_of_role()) is null or exists (select from runs where id = run_id));
alter table evidence_parts enable row level security;
create policy pool_sees_own on evidence_parts using ((select pools_of_role()) is null or exists (select from runs where id = run_id));
alter table failure_ledger enable row level security;
create policy pool_sees_own on failure_ledger using ((select pools_of_role()) is null or exists (select from runs where id = run_id));
-- An alert is a run's when it names it.
alter table alerts enable row level security;
create policy pool_sees_own on alerts using ((select pools_of_role()) is null
  or exists (select from runs where phase <> 'done' and position(id in alerts.fields::text) > 0));
-- Of what the gate knows, a report needs where a flaw came in.
alter table gate_entries enable row level security;
create policy pool_sees_own on gate_entries using ((select pools_of_role()) is null or (body ->> 'kind' = 'came-in'
  and exists (select from runs where runs.service = gate_entries.service and runs.environment = gate_entries.environment)));

-- What rules ask of runs whoever drives them: a cap that counted one pool's runs only would be none. No more than rules need.
create view policy_open_runs with (security_barrier) as
  select id, service, environment, created_at, (experiment ->> 'share')::float8 as share,
    case when facts -> 'deployment' is not null then json_build_object(
      'route', facts #>> '{deployment,route}',
      'dependencies', (select coalesce(json_agg(one ->> 'name'), '[]') from json_array_elements(facts #> '{deployment,dependencies}') as one)
    ) end as touches
  from runs where phase <> 'done';
create view policy_standing with (security_barrier) as
  select service, environment, created_at, facts #>> '{deployment,platform}' as platform, facts #>> '{deployment,source}' as source
  from runs where facts -> 'deployment' is not null;
create view policy_passed with (security_barrier) as
  select service, environment, created_at, experiment #>> '{scenario,id}' as scenario, (facts #>> '{plan,scenarioVersion}')::int as version,
    facts #>> '{deployment,revision}' as revision, (experiment ->> 'share')::float8 as share, (facts #>> '{restored,at}')::float8 as at
  from runs where phase = 'done' and facts #>> '{verdict,verdict}' = 'resilient' and experiment ->> 'fault' = 'true';
create view policy_pages with (security_barrier) as
  select p.run_id, r.created_at, p.value ->> 'id' as id, p.value ->> 'receiver' as receiver, (p.value ->> 'receivedAt')::float8 as received_at
  from evidence_parts p join runs r on r.id = p.run_id where p.kind = 'alerts';
create view policy_failures with (security_barrier) as
  select l.run_id, l.service, l.environment, l.month,
    coalesce(l.spent, case when r.phase <> 'done' then l.reserved else coalesce((
      -- Ended without having been settled: what its last second showed.
      select ceil(b.budget[1])::int from evidence_blocks b where b.run_id = r.id order by b.at desc limit 1), 0) end) as held
  from failure_ledger l join runs r on r.id = l.run_id;

-- Who could ask the tables may ask the views.
do $$
declare
  who text;
begin
  for who in select distinct grantee from information_schema.role_table_grants
    where table_schema = current_schema() and table_name = 'runs' and privilege_type = 'SELECT' and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('grant select on policy_open_runs, policy_standing, policy_passed, policy_pages, policy_failures to %I', who);
  end loop;
end
$$;

-- Makes a role that can log in the runner of a pool, or lets it run no more. The owner of the tables calls them; what a role may do
-- stands here and nowhere else.
create function allow_pool(wanted name, of_pool text) returns void language plpgsql as $$
declare
  here text := quote_ident(current_schema());
  who  text := quote_ident(wanted);
begin
  insert into pool_roles (role, pool) values (wanted, of_pool) on conflict do nothing;
  execute format('grant usage on schema %s to %s', here, who);
  execute format('grant select on migrations, runs, events, journal, evidence_blocks, evidence_parts, alerts, failure_ledger, approvals, locks, gate_entries,
    policy_open_runs, policy_standing, policy_passed, policy_pages, policy_failures to %s', who);
  execute format('grant update (holder, fence, lease_until, released_at, phase, stop, abort_asked, facts, version, put_off, not_before,
    event_seq, journal_seq) on runs to %s', who);
  execute format('grant insert on events, journal, evidence_blocks, evidence_parts, failure_ledger to %s', who);
  execute format('grant update (state, note, marked_at) on journal to %s', who);
  execute format('grant update (spent) on failure_ledger to %s', who);
  -- The head goes into reports; what others did is not for a pool to read.
  execute format('grant select (seq, hash) on audit to %s', who);
end
$$;

create function forbid_pool(wanted name) returns void language plpgsql as $$
begin
  -- First the rights, then the name: a role that is in no pool sees all that it is granted.
  execute format('revoke all on all tables in schema %I from %I', current_schema(), wanted);
  execute format('revoke all (seq, hash) on audit from %I', wanted);
  delete from pool_roles where role = wanted;
end
$$;
revoke execute on function allow_pool, forbid_pool from public;

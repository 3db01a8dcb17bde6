-- Who may do what. A token is kept as the SHA-256 of its 256 random bits: nobody can guess one from that, so it needs no salt.
create table tokens (
  id         text primary key,
  hash       text not null unique,
  subject    text not null,
  grants     json not null,
  scope      json not null,
  made_by    text not null,
  made_at    timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);

-- Logins that were exchanged for a token, until they would expire anyway: each opens once.
create table used_logins (
  digest     text primary key,
  expires_at timestamptz not null
);

create table services (
  service       text not null,
  environment   text not null,
  team          text not null,
  contact       text not null,
  registered_at timestamptz not null default clock_timestamp(),
  primary key (service, environment)
);

-- An experiment as it was when it was run; another text is another version.
create table experiments (
  service     text not null,
  environment text not null,
  name        text not null,
  version     integer not null,
  digest      text not null,
  spec        json not null,
  kept_by     text not null,
  kept_at     timestamptz not null default clock_timestamp(),
  primary key (service, environment, name, version),
  unique (service, environment, name, digest)
);

-- Who did what: a chain of hashes that only grows. `body` is text, for what was hashed is what must be read back.
create table audit (
  seq  bigint primary key,
  at   bigint not null,
  body text not null,
  prev text not null,
  hash text not null
);

-- Under a lock, so that writers at the same moment make one chain and no fork; a lost transaction leaves no gap.
create function append_audit(entry text) returns setof audit language plpgsql as $$
declare
  last audit;
  made audit;
begin
  perform pg_advisory_xact_lock(4279801894);
  select * into last from audit order by seq desc limit 1;
  made.seq := coalesce(last.seq, 0) + 1;
  made.at := floor(extract(epoch from clock_timestamp()) * 1000);
  made.body := entry;
  made.prev := coalesce(last.hash, repeat('0', 64));
  made.hash := encode(sha256(convert_to(concat_ws(E'\n', made.prev, made.seq, made.at, made.body), 'UTF8')), 'hex');
  insert into audit select made.*;
  return next made;
end
$$;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name;
end
$$;
create trigger append_only before update or delete on audit for each row execute function refuse_change();
create trigger append_only_whole before truncate on audit for each statement execute function refuse_change();

-- One row: the switch for all runs.
create table halt (
  only_one   boolean primary key default true check (only_one),
  halted     boolean not null default false,
  why        text not null default '',
  changed_by text,
  changed_at timestamptz
);
insert into halt default values;

alter table runs add column abort_reason text;

-- Whoever begins a run waits for one who is halting at this moment, and the other way round: none slips through between the two.
create function refuse_while_halted() returns trigger language plpgsql as $$
declare
  now_halted halt;
begin
  select * into now_halted from halt for share;
  if now_halted.halted then
    raise exception 'halted: %', now_halted.why using errcode = 'HD001';
  end if;
  return null;
end
$$;
create trigger refuse_while_halted after insert on runs for each row execute function refuse_while_halted();

-- Deploys that a CI/CD system holds until it is told whether they may go on. One is never forgotten: what was answered is not answered again,
-- however often the question comes.
create table held_deploys (
  id         text primary key,
  rule       text not null,
  asked      json not null,
  progress   json not null default '{}',
  state      text not null default 'waiting' check (state in ('waiting', 'answered', 'given-up')),
  looks      integer not null default 0,
  failures   integer not null default 0,
  why        text,
  held_at    timestamptz not null default clock_timestamp(),
  -- Nobody looks before: it is with somebody, or there is nothing to see yet.
  not_before timestamptz not null default clock_timestamp(),
  over_at    timestamptz
);
create index held_deploys_to_answer on held_deploys (rule, not_before) where state = 'waiting';

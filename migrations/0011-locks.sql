-- A person's word that nothing runs on a service for a while, and why. It ends by itself.
create table locks (
  service     text not null,
  environment text not null,
  why         text not null,
  locked_by   text not null,
  locked_at   timestamptz not null default clock_timestamp(),
  expires_at  timestamptz not null,
  primary key (service, environment)
);

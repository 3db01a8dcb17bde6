-- A pool is the runners that reach the same files and machines. A run of a pool is nobody else's; a run of none is anybody's.
-- A run that could not be driven is put off: nobody takes it before `not_before`, and `put_off` counts how often in a row.
alter table runs add column pool text;
alter table runs add column not_before timestamptz;
alter table runs add column put_off integer not null default 0;

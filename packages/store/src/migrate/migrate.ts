import { type Clock, HaldaneError, systemClock } from '@haldane/core';
import type { Pool, PoolClient } from 'pg';
import { translated } from '../translate.ts';
import type { Migration } from './read-migrations.ts';

/** Any number that no other program of this database uses: whoever holds it migrates. */
const lockNumber = 4_279_801_893;

type Applied = { number: number; name: string; sha256: string };

/** How long a migration waits for tables that others use, and how often it begins again. */
export type LockPatience = { readonly waitMs: number; readonly tries: number; readonly pauseMs: number; readonly clock: Clock };

/**
 * While a migration waits for a table, all who come after it wait, too: so it gives way soon, before PostgreSQL looks for a deadlock (1 s), and
 * comes again. Two minutes are longer than any statement of ours may take.
 */
const patience: LockPatience = { waitMs: 500, tries: 60, pauseMs: 1_500, clock: systemClock };

/** What PostgreSQL says of a lock that was not had in time, and of a deadlock. */
const inTheWay = ['55P03', '40P01'];
const notAllowed = '42501';

/**
 * Brings a database to the newest schema and returns the names of what was applied. Each migration is a transaction of its own
 * under an advisory lock, so that any number of processes may start at once. Throws `schema-newer` for a database that is ahead
 * of these migrations, and `migration-changed` when one that was applied has another text now; both before anything is changed. Throws
 * `unavailable`, naming them, while other sessions keep hold of its tables, and `denied` when this role may not change the schema.
 */
export async function migrate(
  pool: Pool,
  migrations: readonly Migration[],
  lockPatience: LockPatience = patience,
): Promise<readonly string[]> {
  return translated('migrating', async () => {
    const client = await pool.connect();
    try {
      const done: string[] = [];
      for (;;) {
        const applied = await applyPatiently(client, migrations, lockPatience);
        if (applied === null) return done;
        done.push(applied);
      }
    } finally {
      client.release();
    }
  });
}

async function applyPatiently(
  client: PoolClient,
  migrations: readonly Migration[],
  { waitMs, tries, pauseMs, clock }: LockPatience,
): Promise<string | null> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await applyNext(client, migrations, waitMs);
    } catch (error) {
      const { code = '' } = error as { code?: string };
      if (code === notAllowed) throw await notByThisRole(client, migrations, error);
      if (!inTheWay.includes(code)) throw error;
      if (tried >= tries) throw await heldBy(client, migrations);
      await clock.sleep(pauseMs);
    }
  }
}

/** Applies the first migration that is missing; null when there is none. */
async function applyNext(client: PoolClient, migrations: readonly Migration[], waitMs: number): Promise<string | null> {
  // A database that is up to date is only read: the service's own role need not be allowed to change the schema.
  if (nextOf(await appliedTo(client), migrations) === null) return null;
  await client.query('begin');
  try {
    // A migration may rightly take longer than any query of ours.
    await client.query('set local statement_timeout = 0');
    await client.query('select pg_advisory_xact_lock($1)', [lockNumber]);
    await client.query(
      'create table if not exists migrations (number integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default clock_timestamp())',
    );
    const next = nextOf(await appliedTo(client), migrations);
    if (next !== null) {
      await client.query(`set local lock_timeout = ${waitMs}`);
      await client.query(next.text);
      await client.query('insert into migrations (number, name, sha256) values ($1, $2, $3)', [next.number, next.name, next.sha256]);
    }
    await client.query('commit');
    return next?.name ?? null;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

/** Who has tables of ours in hand, and since when: whoever migrates can ask them, or end them. */
async function heldBy(client: PoolClient, migrations: readonly Migration[]): Promise<HaldaneError> {
  const name = nextOf(await appliedTo(client), migrations)?.name ?? 'none';
  const { rows } = await client.query<{ who: string }>(`
    select format('session %s of %s%s%s, whose transaction began %s s ago', pid, usename,
      case when application_name <> '' then ' (' || application_name || ')' end, ' at ' || host(client_addr),
      round(extract(epoch from clock_timestamp() - xact_start))) as who
    from pg_stat_activity
    where pid <> pg_backend_pid() and pid in (
      select l.pid from pg_locks l join pg_class c on c.oid = l.relation and l.database = (select oid from pg_database where datname = current_database())
      where l.granted and c.relnamespace = current_schema()::regnamespace)
    order by xact_start`);
  const who = rows.length === 0 ? 'they have let go by now: try again' : rows.map((row) => row.who).join('; ');
  return new HaldaneError(
    'unavailable',
    `migration ${name} waited for tables that other sessions use: ${who}; wait for them, ask whoever runs them, or end them with select pg_terminate_backend(PID)`,
  );
}

/** A role that only works here cannot bring the schema up to date. */
async function notByThisRole(client: PoolClient, migrations: readonly Migration[], cause: unknown): Promise<HaldaneError> {
  const name = nextOf(await appliedTo(client), migrations)?.name ?? 'none';
  const { rows } = await client.query<{ role: string; owner: string | null }>(`
    select current_user as role, (select tableowner from pg_tables where schemaname = current_schema() and tablename = 'migrations') as owner`);
  const { role = 'this role', owner = null } = rows[0] ?? {};
  const whose = owner === null ? 'a role that may create tables there' : `${owner}, the owner of its tables,`;
  return new HaldaneError(
    'denied',
    `the database needs migration ${name}, and ${role} may not change its schema: let ${whose} run npm run db:migrate, or start haldane up`,
    { cause },
  );
}

async function appliedTo(client: PoolClient): Promise<readonly Applied[]> {
  const there = await client.query<{ there: boolean }>("select to_regclass('migrations') is not null as there");
  if (!there.rows[0]?.there) return [];
  return (await client.query<Applied>('select number, name, sha256 from migrations order by number')).rows;
}

/** The first migration that was not applied, once it is clear that those before it are the ones that were. */
function nextOf(applied: readonly Applied[], migrations: readonly Migration[]): Migration | null {
  for (const [index, was] of applied.entries()) {
    const is = migrations[index];
    if (!is) {
      throw new HaldaneError(
        'schema-newer',
        `the database has migration ${was.name}, which this Haldane does not know (its newest is ${migrations.at(-1)?.name ?? 'none'}); update Haldane`,
      );
    }
    if (is.number !== was.number || is.sha256 !== was.sha256) {
      throw new HaldaneError(
        'migration-changed',
        `migration ${was.name} was applied with another text than ${is.name} has now; restore the file and put what is new into a new migration`,
      );
    }
  }
  return migrations[applied.length] ?? null;
}

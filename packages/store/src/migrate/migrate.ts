import { HaldaneError } from '@haldane/core';
import type { Pool, PoolClient } from 'pg';
import { translated } from '../translate.ts';
import type { Migration } from './read-migrations.ts';

/** Any number that no other program of this database uses: whoever holds it migrates. */
const lockNumber = 4_279_801_893;

type Applied = { number: number; name: string; sha256: string };

/**
 * Brings a database to the newest schema and returns the names of what was applied. Each migration is a transaction of its own
 * under an advisory lock, so that any number of processes may start at once. Throws `schema-newer` for a database that is ahead
 * of these migrations, and `migration-changed` when one that was applied has another text now; both before anything is changed.
 */
export async function migrate(pool: Pool, migrations: readonly Migration[]): Promise<readonly string[]> {
  return translated('migrating', async () => {
    const client = await pool.connect();
    try {
      const done: string[] = [];
      for (;;) {
        const applied = await applyNext(client, migrations);
        if (applied === null) return done;
        done.push(applied);
      }
    } finally {
      client.release();
    }
  });
}

/** Applies the first migration that is missing; null when there is none. */
async function applyNext(client: PoolClient, migrations: readonly Migration[]): Promise<string | null> {
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

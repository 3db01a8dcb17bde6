import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type Address, type Connection, clientConfig, openPool } from '../connection.ts';
import { firstTraversable } from '../embedded/folders.ts';
import { startEmbedded } from '../embedded/start-embedded.ts';
import { stateFile } from '../embedded/state-file.ts';
import { migrate } from '../migrate/migrate.ts';
import { migrationsFolder, readMigrations } from '../migrate/read-migrations.ts';
import { openStore, type Store } from '../open-store.ts';

/** An empty, migrated database of one test's own. */
export type TestCopy = {
  readonly store: Store;
  readonly address: Address;
  /** Makes the database believe that `ms` have passed, as far as leases go: their ends are moved back. */
  letPass(ms: number): Promise<void>;
  /** Any statement, for what a test wants to see with its own eyes. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Every row of every table as text: to look for what may be in none. */
  dump(): Promise<string>;
  close(): Promise<void>;
};

export type TestDatabase = {
  copy(): Promise<TestCopy>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
};

/** Waits for the end of its input, which is the end of the test however it came, then ends the server and removes its files. */
const guardScript = `
  read -r _
  pid=$(head -n 1 "$1/postgres/data/postmaster.pid" 2>/dev/null)
  if [ -n "$pid" ]; then
    kill -QUIT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  fi
  rm -rf "$1"`;

/** A data folder that `prepareTestDatabases` made, for the test files of one command: to make one anew takes each of them seconds. */
const prepared = process.env['TEST_DATABASES'];
const preparedTemplate = 'haldane_test_prepared';

/**
 * Starts a real PostgreSQL for one test file, with a template that is migrated once; a copy of it takes some 20 ms. The server ends
 * with the tests, also when they are killed. It does not write through to the disk: nobody will miss the data.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const started = await startServer(prepared);
  return databasesOn({ connection: started.connection }, started.stop, prepared === undefined ? null : preparedTemplate);
}

/**
 * Makes a data folder with a migrated template; `remove` removes it, and it goes with this process. What TEST_DATABASES names, test
 * files copy. Leaves no server and no folder when a migration fails.
 */
export async function prepareTestDatabases(migrations = migrationsFolder): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const { folder, remove } = await guardedFolder();
  try {
    const server = await startEmbedded({ dataDir: folder, fsync: false });
    await makeTemplate({ connection: server.connection }, preparedTemplate, migrations).finally(() => server.stop());
    // Whose it was is nothing to its copies.
    await rm(stateFile(folder), { force: true });
    return { folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The same on a server that is there already: its databases, made under names of their own, are dropped again. */
export async function testDatabaseOn(url: string): Promise<TestDatabase> {
  return databasesOn({ url }, async () => undefined, null);
}

/** A folder that the server's own user can pass through. */
async function newFolder(): Promise<string> {
  const parent = (await firstTraversable([tmpdir(), '/tmp', '/var/tmp'])) ?? tmpdir();
  const folder = await mkdtemp(join(parent, 'haldane-test-'));
  await chmod(folder, 0o711);
  return folder;
}

/** A new folder that goes with this process however it ends, and the server that runs in it; `remove` removes it before. */
async function guardedFolder(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await newFolder();
  const guard = spawn('/bin/sh', ['-c', guardScript, 'guard', folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
  guard.unref();
  guard.stdin.on('error', () => {});
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  return {
    folder,
    remove: async () => {
      await rm(folder, { recursive: true, force: true });
      guard.stdin.end();
    },
  };
}

async function startServer(from: string | undefined): Promise<{ readonly connection: Connection; stop(): Promise<void> }> {
  const { folder, remove } = await guardedFolder();
  // With owners and modes: the server refuses files that others may read.
  if (from !== undefined) await promisify(execFile)('cp', ['-a', `${from}/.`, folder]);
  const server = await startEmbedded({ dataDir: folder, fsync: false });
  return {
    connection: server.connection,
    stop: async () => {
      await server.stop();
      await remove();
    },
  };
}

async function makeTemplate(server: Address, template: string, migrations = migrationsFolder): Promise<void> {
  await onServer(server, `create database ${template}`);
  const pool = openPool(named(server, template), 1);
  await migrate(pool, await readMigrations(migrations)).finally(() => pool.end());
}

/** `there`: a template that is on the server already. */
async function databasesOn(server: Address, stop: () => Promise<void>, there: string | null): Promise<TestDatabase> {
  const template = there ?? `haldane_test_${randomBytes(6).toString('hex')}`;
  if (there === null) await makeTemplate(server, template);

  // Our own server knows how to copy files (others may be older than PostgreSQL 15); to write every page to the log too costs twice as much.
  const how = 'connection' in server ? 'strategy file_copy' : '';
  let copies = 0;
  return {
    copy: async () => {
      copies += 1;
      const database = `${template}_${copies}`;
      await onServer(server, `create database ${database} template ${template} ${how}`);
      return openCopy(named(server, database), () => onServer(server, `drop database ${database} with (force)`));
    },
    stop: async () => {
      await onServer(server, `drop database ${template} with (force)`);
      await stop();
    },
  };
}

/** Another database of the same server. */
function named(server: Address, database: string): Address {
  if ('connection' in server) return { connection: { ...server.connection, database } };
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  return { url: url.href };
}

async function onServer(server: Address, statement: string): Promise<void> {
  const client = new pg.Client(clientConfig(named(server, 'postgres')));
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

async function openCopy(address: Address, drop: () => Promise<void>): Promise<TestCopy> {
  const store = await openStore(address);
  const pool = openPool(address, 1);
  const query = async (text: string, values: readonly unknown[] = []) =>
    (await pool.query<Record<string, unknown>>(text, [...values])).rows;
  return {
    store,
    address,
    letPass: async (ms) => {
      await query(
        `update runs set lease_until = lease_until - $1 * interval '1 millisecond', not_before = not_before - $1 * interval '1 millisecond',
           watched_until = watched_until - $1 * interval '1 millisecond'`,
        [ms],
      );
      await query(
        `update news set taken_until = taken_until - $1 * interval '1 millisecond', at = at - $1 * interval '1 millisecond',
           told_at = told_at - $1 * interval '1 millisecond'`,
        [ms],
      );
      await query(
        `update deliveries set not_before = not_before - $1 * interval '1 millisecond', made_at = made_at - $1 * interval '1 millisecond'`,
        [ms],
      );
      await query(
        `update rights_changes set until = until - $1 * interval '1 millisecond', made_at = made_at - $1 * interval '1 millisecond'`,
        [ms],
      );
      await query(
        `update held_deploys set not_before = not_before - $1 * interval '1 millisecond', held_at = held_at - $1 * interval '1 millisecond',
           watched_until = watched_until - $1 * interval '1 millisecond'`,
        [ms],
      );
    },
    query,
    dump: () => dumpOf(address),
    close: async () => {
      await store.close();
      await pool.end();
      await drop();
    },
  };
}

/** Every row of every table of a database as text, in an order that the rows alone decide. */
export async function dumpOf(address: Address): Promise<string> {
  const client = new pg.Client(clientConfig(address));
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`,
    );
    const texts: string[] = [];
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      texts.push(`-- ${name}`, ...rows.map(({ row }) => row).sort());
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

/** Cuts every other connection to the database, as a proxy or a failover does. */
export async function cutConnections(address: Address): Promise<void> {
  const client = new pg.Client(clientConfig(address));
  await client.connect();
  await client
    .query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()')
    .finally(() => client.end());
}

/** One session, as whoever the address names: what is set in it holds for its next statement. Whoever opens it ends it. */
export async function openSession(address: Address): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(address));
  await client.connect();
  return client;
}

/** How a copy on the embedded server is reached; a copy on a server that is named by a URL has none. */
export function connectionOf(address: Address): Connection {
  if (!('connection' in address)) throw new Error('this copy is on a server that is reached by a URL');
  return address.connection;
}

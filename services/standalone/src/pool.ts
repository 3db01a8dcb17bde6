import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HaldaneError } from '@haldane/core';

/**
 * The pool of everything that only this data folder's Haldane can drive: its files with commands, its processes, its router. Made once and
 * kept beside them, so that two data folders on one database never take each other's runs.
 */
export async function poolOf(dataDir: string): Promise<string> {
  const path = join(dataDir, 'pool');
  const fresh = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, `local-${randomBytes(8).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  // A link appears whole or not at all, and never over the one that is there.
  await link(fresh, path).catch((error: { code?: string }) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(fresh, { force: true });
  const pool = (await readFile(path, 'utf8')).trim();
  if (!/^local-[0-9a-f]{16}$/.test(pool))
    throw new HaldaneError(
      'bad-document',
      `${path} does not name a pool; put it back from a copy, or remove it once no run of this folder is open`,
    );
  return pool;
}

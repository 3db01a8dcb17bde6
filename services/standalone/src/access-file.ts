import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a running Haldane answers and what lets one in; on disk for nobody but its user. */
export type AccessFile = { readonly address: string; readonly token: string; readonly alertToken: string; readonly pid: number };

const pathIn = (dataDir: string) => join(dataDir, 'access.json');

/** Writes it whole or not at all, mode 0600. */
export async function writeAccess(dataDir: string, access: AccessFile): Promise<void> {
  const next = `${pathIn(dataDir)}.${process.pid}`;
  await writeFile(next, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  await rename(next, pathIn(dataDir));
}

/** What the last Haldane of this data folder wrote; null when there is none. It may be dead by now. */
export async function readAccess(dataDir: string): Promise<AccessFile | null> {
  try {
    return JSON.parse(await readFile(pathIn(dataDir), 'utf8')) as AccessFile;
  } catch {
    return null;
  }
}

export async function removeAccess(dataDir: string): Promise<void> {
  await rm(pathIn(dataDir), { force: true });
}

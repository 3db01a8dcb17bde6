import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The router's admin token: made once a data folder, so that a later Haldane can speak to a router that outlived an earlier one. Written
 * whole or not at all: an empty token would be an open door.
 */
export async function routerToken(dataDir: string): Promise<string> {
  const path = join(dataDir, 'router-token');
  const known = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (known !== '') return known;
  const token = secret();
  const next = `${path}.${process.pid}`;
  await writeFile(next, `${token}\n`, { mode: 0o600 });
  await rename(next, path);
  return token;
}

/** 256 random bits, fit for a header and a URL. */
export function secret(): string {
  return randomBytes(32).toString('base64url');
}

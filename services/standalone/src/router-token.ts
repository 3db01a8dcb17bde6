import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The router's admin token: made once a data folder, so that a later Haldane can speak to a router that outlived an earlier one. */
export async function routerToken(dataDir: string): Promise<string> {
  const path = join(dataDir, 'router-token');
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    const token = secret();
    await writeFile(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
    return token;
  }
}

/** 256 random bits, fit for a header and a URL. */
export function secret(): string {
  return randomBytes(32).toString('base64url');
}

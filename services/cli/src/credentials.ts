import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { HaldaneError } from '@haldane/core';

type Kept = Readonly<Record<string, { readonly token: string; readonly expiresAt: number | null }>>;
type Environment = Readonly<Record<string, string>>;

/** Where this user's tokens for other machines' Haldanes are kept. */
function pathIn(env: Environment): string {
  return join(env['XDG_CONFIG_HOME'] ?? join(env['HOME'] ?? homedir(), '.config'), 'haldane', 'credentials.json');
}

/** The token for a server: HALDANE_TOKEN, or what `haldane login` kept. Throws `unauthorised` when there is none, `refused` when others can read the file. */
export async function tokenFor(server: string, env: Environment): Promise<string> {
  const given = env['HALDANE_TOKEN'];
  if (given !== undefined && given !== '') return given;
  const kept = (await read(pathIn(env)))[server];
  if (kept === undefined)
    throw new HaldaneError('unauthorised', `there is no token for ${server}: set HALDANE_TOKEN, or haldane --server ${server} login`);
  return kept.token;
}

/** Keeps the token for a server, for nobody but this user. */
export async function keepToken(server: string, token: string, expiresAt: number | null, env: Environment): Promise<string> {
  const path = pathIn(env);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}`;
  await writeFile(next, `${JSON.stringify({ ...(await read(path)), [server]: { token, expiresAt } }, null, 2)}\n`, { mode: 0o600 });
  await rename(next, path);
  return path;
}

async function read(path: string): Promise<Kept> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0)
      throw new HaldaneError('refused', `${path} can be read by others; chmod 600 it, and make new tokens: these may be known`);
    return JSON.parse(await readFile(path, 'utf8')) as Kept;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return {};
    throw error;
  }
}

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

/** The server as one writes it down: its origin. Throws `bad-request` unless a token that is sent there can be read by nobody on the way. */
export function serverOf(written: string): string {
  const url = URL.canParse(written) ? new URL(written) : null;
  const local = url !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url === null || !(url.protocol === 'https:' || (url.protocol === 'http:' && local)))
    throw new HaldaneError('bad-request', `--server: "${written}" should be an https address; plain http only on this machine`);
  return url.origin;
}

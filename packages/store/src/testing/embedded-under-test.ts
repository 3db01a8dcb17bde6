import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '@haldane/core';
import pg from 'pg';
import { type Connection, clientConfig } from '../connection.ts';
import { firstTraversable } from '../embedded/folders.ts';
import { isAlive } from '../embedded/process-identity.ts';
import { startEmbedded } from '../embedded/start-embedded.ts';
import { readState, type State } from '../embedded/state-file.ts';

/** What is asked of a test here; tap's `t` is one. */
type Cleaned = { teardown(handler: () => unknown): void };

/** A folder that is gone after the test, with the server that may still run in it. */
export async function folder(t: Cleaned, mode = 0o711): Promise<string> {
  // Where the temporary folder is closed to others, files as root would go elsewhere before the test has begun.
  const parent = (await firstTraversable([tmpdir(), '/tmp', '/var/tmp'])) ?? tmpdir();
  const made = await realpath(await mkdtemp(join(parent, 'haldane-embedded-')));
  await chmod(made, mode);
  t.teardown(async () => {
    for (const dataDir of [made, join(made, 'data')]) {
      const state = await readState(dataDir).catch(() => null);
      if (state?.server && (await isAlive(state.server))) process.kill(state.server.pid, 'SIGQUIT');
      await untilDead(state?.server ?? null);
      if (state && !state.home.startsWith(made)) await rm(state.home, { recursive: true, force: true });
    }
    await rm(made, { recursive: true, force: true });
  });
  return made;
}

export async function ask(connection: Connection, text: string): Promise<unknown[]> {
  const client = new pg.Client(clientConfig({ connection }));
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

export const start = (dataDir: string) => startEmbedded({ dataDir, fsync: false });
export const stateOf = async (dataDir: string) => (await readState(dataDir)) as State;

/** A Haldane of its own: it starts the database, says so in one line of JSON, and waits to be killed. */
export async function owner(
  t: Cleaned,
  dataDir: string,
  as: { uid?: number; gid?: number } = {},
  module = new URL('../../dist/embedded/start-embedded.js', import.meta.url).href,
): Promise<{ child: ChildProcess; said: { connection: Connection; adopted: boolean } | { code: string; message: string } }> {
  const program = `
    const { startEmbedded } = await import(${JSON.stringify(module)});
    setInterval(() => {}, 1000);
    process.on('SIGTERM', async () => { await server.stop(); process.exit(0); });
    const server = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, fsync: false }).catch((error) => ({ code: error.code, message: error.message }));
    console.log(JSON.stringify(server));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    ...as,
    cwd: '/',
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, said: JSON.parse(line) };
}

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

export async function untilDead(server: State['server']): Promise<void> {
  while (server && (await isAlive(server))) await systemClock.sleep(10);
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HaldaneError } from '@haldane/core';
import type { ProcessIdentity } from './process-identity.ts';
import { writePrivate } from './write-private.ts';

/** What `postgres.json` in the data folder says about the embedded server. It holds no secret itself. */
export type State = {
  /** The server's first process; null while none was left running. */
  readonly server: ProcessIdentity | null;
  /** The Haldane that started or adopted it last; null after it stopped the server. */
  readonly owner: ProcessIdentity | null;
  /** Where the server's files are. */
  readonly home: string;
  readonly socketDir: string;
  readonly passwordFile: string;
  /** Version of the binaries. */
  readonly version: string;
  /** The private group that the server runs in when we are root. */
  readonly gid: number | null;
};

/** Where the state is kept. */
export const stateFile = (dataDir: string): string => join(dataDir, 'postgres.json');

/** The state, or null when there is none yet. Throws `bad-document` when the file is not what we write. */
export async function readState(dataDir: string): Promise<State | null> {
  let text: string;
  try {
    text = await readFile(stateFile(dataDir), 'utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw new HaldaneError('unavailable', `cannot read ${stateFile(dataDir)}: ${(error as Error).message}`);
  }
  try {
    const state = JSON.parse(text) as State;
    if (typeof state.home === 'string' && typeof state.socketDir === 'string') return state;
  } catch {
    // Not JSON: said below.
  }
  throw new HaldaneError(
    'bad-document',
    `${stateFile(dataDir)} is not what Haldane writes there; if no embedded database runs, remove the file and start again`,
  );
}

export async function writeState(dataDir: string, state: State): Promise<void> {
  await writePrivate(stateFile(dataDir), `${JSON.stringify(state, null, 2)}\n`);
}

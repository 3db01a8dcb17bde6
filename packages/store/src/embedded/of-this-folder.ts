import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HaldaneError } from '@haldane/core';
import type { State } from './state-file.ts';

/**
 * The state as it holds for the folder that it was found in. One that came here with a copy (a backup that is restored elsewhere) names the
 * processes and files of the folder that it was copied from: they are not ours to use. Throws `denied` for a copy without the database's files,
 * which are outside of some data folders, while the folder that it was copied from is still there.
 */
export async function ofThisFolder(state: State | null, dataDir: string): Promise<State | null> {
  if (state === null) return null;
  const from = dirname(state.passwordFile);
  if (from === dataDir) return state;
  const here = join(dataDir, 'postgres');
  if (await isThere(join(here, 'data'))) return { ...state, home: here, server: null, owner: null };
  // It was moved, and what is outside of it was not.
  if (!(await isThere(state.passwordFile))) return state;
  throw new HaldaneError(
    'denied',
    `${dataDir} is a copy of ${from}, whose database is in ${state.home}: copy that folder to ${here}, too, while no Haldane runs on it`,
  );
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

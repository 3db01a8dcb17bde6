import { readFile } from 'node:fs/promises';
import { HaldaneError, messageOf } from '@haldane/core';

/** The text of a file that need not be there: null when it is not. Throws `denied` when it is and cannot be read. */
export async function textIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return null;
    throw new HaldaneError('denied', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

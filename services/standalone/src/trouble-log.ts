import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@haldane/core';

/** Where the processes of this data folder write what a person may want to know later. Constant words, data beside. */
export function troubleLog(dataDir: string): (what: string, error: unknown) => void {
  return (what, error) => {
    const line = JSON.stringify({
      at: new Date().toISOString(),
      what,
      error: messageOf(error),
      code: (error as { code?: string } | null)?.code ?? null,
    });
    // Nobody can be told that telling failed.
    appendFile(join(dataDir, 'trouble.log'), `${line}\n`, { mode: 0o600 }).catch(() => undefined);
  };
}

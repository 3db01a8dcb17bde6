import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditHead } from '@haldane/core';

const pathIn = (dataDir: string) => join(dataDir, 'audit-heads.jsonl');

/**
 * Writes where the audit log stands to a file outside the database, a line an entry and in order: whoever changes the log would have to
 * change this too, and every report that names a head.
 */
export function headFile(dataDir: string, onTrouble: (what: string, error: unknown) => void): (head: AuditHead) => void {
  let before: Promise<void> = Promise.resolve();
  return (head) => {
    before = before
      .then(() => appendFile(pathIn(dataDir), `${JSON.stringify(head)}\n`, { mode: 0o600 }))
      .catch((error: unknown) => onTrouble('publishing the head of the audit log', error));
  };
}

/** The heads that were published there; the last line may be half-written by a process that was killed. */
export async function readHeads(path: string): Promise<readonly AuditHead[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as AuditHead);
}

/** Where the heads of this data folder are; null when there are none yet. */
export async function publishedHeads(dataDir: string): Promise<readonly AuditHead[]> {
  return readHeads(pathIn(dataDir)).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'ENOENT') return [];
    throw error;
  });
}

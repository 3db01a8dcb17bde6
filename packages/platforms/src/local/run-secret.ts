import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';

/**
 * The run's own key: signs its synthetic requests and keys its users' hashes. Made once, readable by us alone, never in a
 * change's params, and destroyed with the attachment, when no hash of it can be traced any more.
 */
export function ensureRunSecret(layout: Layout, runId: string, random: (bytes: number) => Uint8Array): string {
  const there = readRunSecret(layout, runId);
  if (there !== null) return there;
  mkdirSync(layout.run(runId), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(secretPath(layout, runId), Buffer.from(random(32)).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(secretPath(layout, runId), 'utf8');
}

/** Hex, or null when the run has none. */
export function readRunSecret(layout: Layout, runId: string): string | null {
  return hasRunSecret(layout, runId) ? readFileSync(secretPath(layout, runId), 'utf8') : null;
}

export function hasRunSecret(layout: Layout, runId: string): boolean {
  return existsSync(secretPath(layout, runId));
}

/** Safe to repeat. */
export function destroyRunSecret(layout: Layout, runId: string): void {
  rmSync(secretPath(layout, runId), { force: true });
  try {
    rmdirSync(layout.run(runId));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}

function secretPath(layout: Layout, runId: string): string {
  return join(layout.run(runId), 'secret');
}

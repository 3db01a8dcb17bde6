import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { type Clock, HaldaneError } from '@haldane/core';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const patienceMs = 60_000;
const pollMs = 25;

/**
 * Takes an exclusive lock by a file, and returns what gives it back. A lock whose holder is dead is taken away from it; a living
 * holder is waited for, a minute at most, then `unavailable`.
 */
export async function takeStartLock(path: string, clock: Clock): Promise<() => Promise<void>> {
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(own, JSON.stringify(await identify(process.pid)), { mode: 0o600, flag: 'wx' });
  try {
    const giveUpAt = clock.now() + patienceMs;
    // A hard link appears with its content or not at all, and never over another.
    while (!(await linked(own, path))) {
      const holder = await holderOf(path);
      if (holder === null) continue;
      if (!(await isAlive(holder))) await takeAway(path, holder);
      else if (clock.now() > giveUpAt) throw new HaldaneError('unavailable', `process ${holder.pid} has held ${path} for a minute; if it hangs, end it`);
      else await clock.sleep(pollMs);
    }
  } finally {
    await rm(own, { force: true });
  }
  return () => rm(path, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false;
    throw error;
  }
}

/** Null when the lock is gone. A file that we cannot have written counts as held by nobody. */
async function holderOf(path: string): Promise<ProcessIdentity | null> {
  try {
    const text = await readFile(path, 'utf8');
    try {
      return JSON.parse(text) as ProcessIdentity;
    } catch {
      return { pid: 0, startTime: text };
    }
  } catch {
    return null;
  }
}

/** Removes a dead holder's lock, and no other: what is moved aside is looked at, and put back when it was a fresh one. */
async function takeAway(path: string, dead: ProcessIdentity): Promise<void> {
  const aside = `${path}.stale.${randomBytes(4).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const moved = await holderOf(aside);
  if (moved !== null && (moved.pid !== dead.pid || moved.startTime !== dead.startTime)) await linked(aside, path);
  await rm(aside, { force: true });
}

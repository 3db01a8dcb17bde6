import { createHash, randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { type Clock, HaldaneError } from '@haldane/core';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const patienceMs = 60_000;
const pollMs = 10;

/**
 * Takes an exclusive lock by a file, and returns what gives it back. A lock whose holder is dead is taken away from it; a living
 * holder is waited for, a minute at most, then `unavailable`.
 */
export async function takeStartLock(path: string, clock: Clock): Promise<() => Promise<void>> {
  const nonce = randomBytes(8).toString('hex');
  const own = `${path}.${nonce}`;
  await writeFile(own, JSON.stringify({ ...(await identify(process.pid)), nonce }), { mode: 0o600, flag: 'wx' });
  try {
    const giveUpAt = clock.now() + patienceMs;
    // A hard link appears with its content or not at all, and never over another.
    while (!(await linked(own, path))) {
      const text = await contentOf(path);
      if (text === null) continue;
      const holder = holderIn(text);
      if (holder === null || !(await isAlive(holder))) await takeAway(path, text, clock);
      else if (clock.now() > giveUpAt)
        throw new HaldaneError('unavailable', `process ${holder.pid} has held ${path} for a minute; if it hangs, end it`);
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

/** Null when the lock is gone. */
async function contentOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

/** Null for a text that we cannot have written. */
function holderIn(text: string): ProcessIdentity | null {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    return null;
  }
}

/**
 * Removes a dead holder's lock. Several may want to: between one's look and its removal another could have removed the file and
 * taken the lock anew. So they take turns, by a lock whose name is made from the dead one's content, which is never used twice.
 */
async function takeAway(path: string, dead: string, clock: Clock): Promise<void> {
  const giveBack = await takeStartLock(`${path}.${createHash('sha256').update(dead).digest('hex').slice(0, 12)}`, clock);
  try {
    if ((await contentOf(path)) === dead) await rm(path, { force: true });
  } finally {
    await giveBack();
  }
}

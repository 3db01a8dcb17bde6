import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { HaldaneError } from '@haldane/core';
import { type Policy, readPolicy } from '@haldane/policy';
import { textIfThere } from './text-if-there.ts';

/** Whether there was a policy at this path when this process last looked. */
const known = new Map<string, boolean>();

/**
 * What `haldane.policy.yaml` in the data folder allows; no rules when there never was such a file while this process ran. An editor may just
 * be writing it, or have moved it away: what is bad or gone is looked at once more, after `pause`. Throws `bad-document`, or `denied` when it
 * cannot be read or is gone.
 */
export async function policyOf(dataDir: string, pause: () => Promise<unknown> = () => wait(100)): Promise<Policy> {
  const path = join(dataDir, 'haldane.policy.yaml');
  let policy = await read(path).catch(() => undefined);
  if (policy === undefined || (policy === null && known.get(path) !== false)) {
    await pause();
    policy = await read(path);
  }
  if (policy === null && known.get(path))
    throw new HaldaneError('denied', `the policy ${path} was there and is gone: put it back; to go on without rules, write "rules: []"`);
  known.set(path, policy !== null);
  return policy ?? { rules: [] };
}

async function read(path: string): Promise<Policy | null> {
  const text = await textIfThere(path);
  return text === null ? null : readPolicy(text, path);
}

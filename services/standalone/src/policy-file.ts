import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HaldaneError, messageOf } from '@haldane/core';
import { type Policy, readPolicy } from '@haldane/policy';

/** What `haldane.policy.yaml` in the data folder allows; no rules when there is no such file. Throws `bad-document`, or `denied` when it cannot be read. */
export async function policyOf(dataDir: string): Promise<Policy> {
  const path = join(dataDir, 'haldane.policy.yaml');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return { rules: [] };
    throw new HaldaneError('denied', `the policy ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return readPolicy(text, path);
}

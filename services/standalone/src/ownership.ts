import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HaldaneError } from '@haldane/core';
import { processStart } from '@haldane/router';

type Owner = { readonly pid: number; readonly startTime: string };

/**
 * Makes this process the one Haldane of the data folder, whatever database it uses. Throws `stack-running` while another that owns it is
 * alive; a dead one's mark is taken over.
 */
export async function own(dataDir: string): Promise<{ release(): Promise<void> }> {
  const path = join(dataDir, 'owner.json');
  const mine = JSON.stringify({ pid: process.pid, startTime: processStart(process.pid) ?? '' } satisfies Owner);
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(path, mine, { mode: 0o600, flag: 'wx' });
      return {
        release: async () => {
          if ((await readFile(path, 'utf8').catch(() => '')) === mine) await rm(path, { force: true });
        },
      };
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error;
    }
    const other = await ownerOf(path);
    if (other !== null && processStart(other.pid) === other.startTime)
      throw new HaldaneError(
        'stack-running',
        `another Haldane (process ${other.pid}) owns ${dataDir} and is alive; use it, end it, or name another folder with --data`,
      );
    if (attempt >= 3)
      throw new HaldaneError('stack-running', `${path} could not be taken over; remove it if no Haldane runs on ${dataDir}`);
    await rm(path, { force: true });
  }
}

async function ownerOf(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch {
    return null;
  }
}

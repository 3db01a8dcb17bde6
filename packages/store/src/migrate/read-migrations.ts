import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HaldaneError } from '@haldane/core';

export type Migration = {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
};

/** The project's own migrations: the same distance from `src` and from `dist`. */
export const migrationsFolder = fileURLToPath(new URL('../../../../migrations/', import.meta.url));

/** The numbered migrations of a folder, in order. Numbers start at 1 and leave none out: a gap is a file that got lost. */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = Number(/^(\d{4})-[a-z0-9-]+\.sql$/.exec(name)?.[1]);
      if (number !== index + 1) {
        throw new HaldaneError(
          'migration-changed',
          `migration "${name}" in ${folder} should be number ${String(index + 1).padStart(4, '0')}, named NNNN-what-it-does.sql`,
        );
      }
      // A checkout may turn line ends round; that changes no migration.
      const text = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n');
      return { number, name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

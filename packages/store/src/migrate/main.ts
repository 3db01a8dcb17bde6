import { messageOf } from '@haldane/core';
import { openPool } from '../connection.ts';
import { migrate } from './migrate.ts';
import { migrationsFolder, readMigrations } from './read-migrations.ts';

/** `npm run db:migrate`: migrates the database that DATABASE_URL names. An embedded one migrates itself when it starts. */
async function main(): Promise<number> {
  const url = process.env['DATABASE_URL'];
  if (!url) {
    process.stderr.write('DATABASE_URL is not set; an embedded database migrates itself when Haldane starts\n');
    return 2;
  }
  try {
    const pool = openPool({ url }, 1, { silentMs: 0 });
    try {
      const applied = await migrate(pool, await readMigrations(migrationsFolder));
      process.stdout.write(
        applied.length === 0 ? 'nothing to apply: the schema is up to date\n' : applied.map((name) => `applied ${name}\n`).join(''),
      );
      return 0;
    } finally {
      await pool.end();
    }
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

process.exitCode = await main();

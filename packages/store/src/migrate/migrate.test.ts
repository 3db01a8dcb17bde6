import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@haldane/core';
import { after, test } from 'tap';
import { openPool } from '../connection.ts';
import { connectionOf, startTestDatabase, type TestCopy } from '../testing/start-test-database.ts';
import { migrate } from './migrate.ts';
import { migrationsFolder, readMigrations } from './read-migrations.ts';

const database = await startTestDatabase();
after(() => database.stop());
const real = await readMigrations(migrationsFolder);
const next = {
  number: real.length + 1,
  name: `000${real.length + 1}-next.sql`,
  text: 'create table next_table (n int); insert into next_table values (1);',
  sha256: 'next',
};

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

async function withCopy(body: (copy: TestCopy) => Promise<void>) {
  const copy = await database.copy();
  await body(copy).finally(() => copy.close());
}

test('an up-to-date database is left alone, and a missing migration is applied once however many start', (t) =>
  withCopy(async ({ address, query }) => {
    const pool = openPool(address, 5);
    t.same(await migrate(pool, real), []);
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(pool, [...real, next])));
    t.same(applied.flat(), [next.name]);
    t.same(await query('select n from next_table'), [{ n: 1 }]);
    await pool.end();
  }));

test('a database newer than the code is refused, and a migration whose text changed too', (t) =>
  withCopy(async ({ address }) => {
    const pool = openPool(address, 1);
    await migrate(pool, [...real, next]);
    t.equal(await codeOf(migrate(pool, real)), 'schema-newer');
    const changed = real.map((migration, index) => (index === 0 ? { ...migration, sha256: 'other' } : migration));
    t.equal(await codeOf(migrate(pool, [...changed, next])), 'migration-changed');
    await pool.end();
  }));

test('a migration that fails leaves nothing behind, and those before it stay', (t) =>
  withCopy(async ({ address, query }) => {
    const pool = openPool(address, 1);
    const broken = { ...next, number: next.number + 1, name: 'broken.sql', text: 'create table half (n int); select nonsense;' };
    t.equal(await codeOf(migrate(pool, [...real, next, broken])), 'internal');
    t.same(await query(`select to_regclass('half') as half, to_regclass('next_table')::text as next`), [
      { half: null, next: 'next_table' },
    ]);
    t.equal((await query('select from migrations')).length, real.length + 1);
    await pool.end();
  }));

test('a migration gives way to who uses its tables and comes again; at last it names who has them, and has left nothing behind', (t) =>
  withCopy(async ({ address, query }) => {
    const pool = openPool(address, 1);
    const busy = { ...next, text: 'create table half (n int); alter table locks add column more int;' };
    const holder = await openPool(address, 1).connect();
    const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
    await holder.query('begin');
    await holder.query('select from locks');
    const pauses: number[] = [];
    // Others wait behind a migration that waits: it must not be there while it pauses.
    const clock = {
      ...systemClock,
      sleep: async (ms: number) => {
        pauses.push(ms);
        await query('select from locks');
        if (pauses.length === 3) await holder.query('commit');
      },
    };
    const patience = { waitMs: 100, tries: 2, pauseMs: 7, clock };
    const refused = await migrate(pool, [...real, busy], patience).catch((error: unknown) => error);
    t.match(refused, {
      code: 'unavailable',
      message: new RegExp(`${busy.name} .*session ${rows[0]?.pid} of .*haldane.*pg_terminate_backend`),
    });
    t.same(await query(`select to_regclass('half') as half`), [{ half: null }]);
    t.same(await migrate(pool, [...real, busy], { ...patience, tries: 4 }), [busy.name]);
    t.same(pauses, [7, 7, 7]);
    holder.release(true);
    await pool.end();
  }));

test('a role that may not change the schema is told who may', (t) =>
  withCopy(async ({ address, query }) => {
    await query(`create role works_here login password 'here'`);
    await query('grant select on migrations to works_here');
    const { user, ...connection } = connectionOf(address);
    const pool = openPool({ connection: { ...connection, user: 'works_here', password: 'here' } }, 1);
    t.same(await migrate(pool, real), [], 'while there is nothing to change it may work');
    const refused = await migrate(pool, [...real, next]).catch((error: unknown) => error);
    t.match(refused, { code: 'denied', message: new RegExp(`${next.name}, and works_here may not .* let ${user}, the owner`) });
    await pool.end();
    await query('drop owned by works_here');
    await query('drop role works_here');
  }));

test('a folder with a gap or a crooked name is refused', async (t) => {
  const folder = t.testdir({ '0001-one.sql': 'select 1', '0003-three.sql': 'select 3' });
  t.match(await readMigrations(folder).catch((error: unknown) => error), { code: 'migration-changed', message: /0003-three\.sql.*0002/ });
  t.match(await readMigrations(t.testdir({ 'first.sql': 'select 1' })).catch((error: unknown) => error), { code: 'migration-changed' });
});

test('line ends do not change a migration', async (t) => {
  const [unix] = await readMigrations(t.testdir({ '0001-one.sql': 'select 1;\nselect 2;\n' }));
  const [dos] = await readMigrations(t.testdir({ '0001-one.sql': 'select 1;\r\nselect 2;\r\n' }));
  t.equal(dos?.sha256, unix?.sha256);
});

test('db:migrate applies to the database of DATABASE_URL, says what it did, and fails with one line when it cannot', (t) =>
  withCopy(async ({ address, query }) => {
    const connection = connectionOf(address);
    const main = fileURLToPath(new URL('../../dist/migrate/main.js', import.meta.url));
    const run = async (env: Record<string, string>) => {
      const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => {
          said += String(chunk);
        });
      const [code] = (await once(child, 'close')) as [number];
      return { code, said };
    };
    await query('drop schema public cascade');
    await query('create schema public');
    const url = `postgres://${connection.user}:${connection.password}@/${connection.database}?host=${encodeURIComponent(connection.host)}`;
    t.same(await run({ DATABASE_URL: url }), { code: 0, said: real.map(({ name }) => `applied ${name}\n`).join('') });
    t.same(await run({ DATABASE_URL: url }), { code: 0, said: 'nothing to apply: the schema is up to date\n' });
    t.match(await run({}), { code: 2, said: /DATABASE_URL is not set/ });
    const wrong = await run({ DATABASE_URL: 'postgres://me:marker-secret@127.0.0.1:1/none' });
    t.equal(wrong.code, 1);
    t.match(wrong.said, /^the database did not answer[^\n]*\n$/);
    t.notMatch(wrong.said, /marker-secret/);
  }));

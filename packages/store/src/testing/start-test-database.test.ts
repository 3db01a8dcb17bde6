import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { messageOf, systemClock } from '@haldane/core';
import { test } from 'tap';
import { end, folder } from './embedded-under-test.ts';
import { prepareTestDatabases } from './start-test-database.ts';

test('a template whose migration fails leaves neither a server nor a folder', async (t) => {
  const parent = await folder(t, 0o711);
  const migrations = await mkdtemp(join(tmpdir(), 'haldane-migrations-'));
  t.teardown(() => rm(migrations, { recursive: true, force: true }));
  // It tells which process the server is, so that the test can see that it is gone.
  const failing = `do $$ begin raise exception 'server %.', split_part(pg_read_file('postmaster.pid'), E'\\n', 1); end $$;`;
  await writeFile(join(migrations, '0001-fails.sql'), failing);
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = parent;
  const failed = prepareTestDatabases(migrations).then(() => null, messageOf);
  const why = await failed.finally(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  const pid = Number(/server (\d+)\./.exec(why ?? '')?.[1]);
  t.ok(pid > 1, why ?? 'it did not fail');
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  t.same(await readdir(parent), []);
});

test('a template goes with the process that made it, also when that is killed', async (t) => {
  const parent = await folder(t, 0o711);
  const program = `
    import { prepareTestDatabases } from ${JSON.stringify(new URL('../../dist/testing/start-test-database.js', import.meta.url).href)};
    const { folder } = await prepareTestDatabases();
    setInterval(() => {}, 1000);
    console.log(folder);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: '/',
    env: { PATH: process.env['PATH'], TMPDIR: parent },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [said] = (await once(createInterface(child.stdout), 'line')) as [string];
  t.same(
    (await readdir(parent)).map((name) => join(parent, name)),
    [said],
  );
  await end(child, 'SIGKILL');
  while ((await readdir(parent)).length > 0) await systemClock.sleep(25);
  t.pass('its folder is gone');
});

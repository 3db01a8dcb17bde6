import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { checkChain } from '@haldane/client';
import { allowPool, forbidPool, openStore } from '@haldane/store';
import { dumpOf, testDatabaseOn } from '@haldane/store/testing';
import {
  type ContractTest,
  evidenceContract,
  journalContract,
  outboxContract,
  runStoreContract,
  type StoresUnderTest,
  sampleRun,
} from '@haldane/testkit';
import { after, test } from 'tap';

const url = process.env['LANE_POSTGRES'] ?? '';

if (url === '') {
  test(
    'the stores keep their contracts on a PostgreSQL server that is not ours',
    {
      skip: 'LANE_POSTGRES names no server (postgres://user:password@host:5432/postgres, whose user may make databases)',
    },
    async () => undefined,
  );
} else {
  const database = await testDatabaseOn(url);
  after(() => database.stop());
  const stores = async (): Promise<StoresUnderTest> => {
    const copy = await database.copy();
    return { ...copy.store, letPass: copy.letPass, close: copy.close };
  };
  test('the run store keeps its contract on a server that is not ours', (t) => runStoreContract(t as ContractTest, stores));
  test('so does the journal', (t) => journalContract(t as ContractTest, stores));
  test('so does the evidence store', (t) => evidenceContract(t as ContractTest, stores));
  test('so does the outbox', (t) => outboxContract(t as ContractTest, stores));
  test('what pg_dump took is whole in an empty database, its chain goes on, and it still refuses to be rewritten', async (t) => {
    const copy = await database.copy();
    const { store } = copy;
    const folder = await mkdtemp(join(tmpdir(), 'haldane-dump-'));
    const from = 'url' in copy.address ? copy.address.url : '';
    const name = `haldane_restored_${process.pid}`;
    const to = new URL(from);
    to.pathname = `/${name}`;
    const run = (program: string, ...args: readonly string[]) => promisify(execFile)(program, args);
    t.teardown(async () => {
      for (const made of [name, `${name}_bare`]) await run('psql', '-q', '-d', url, '-c', `drop database if exists ${made} with (force)`);
      await forbidPool(copy.address, role);
      await run('psql', '-q', '-d', url, '-c', `drop role ${role}`);
      await rm(folder, { recursive: true, force: true });
      await copy.close();
    });
    const { id } = await store.runs.create(sampleRun());
    const claim = await store.runs.claim('lost', 60_000, 0);
    if (claim === null) throw new Error('there was nothing to claim');
    await store.runs.tell(claim.fence, 'note', { said: 'before' });
    await store.policy.setLock({ service: 'orders', environment: 'test' }, { why: 'an incident', by: 'ann', livesMs: 86_400_000 });
    const act = { who: 'ann', token: 't1', from: '::1', did: 'x', to: 'y', outcome: 'allowed', code: null, detail: {} } as const;
    for (let n = 0; n < 3; n += 1) await store.audit.append(act);
    // A pool's role narrows its own sessions, and no dump of the owner's.
    const role = `of_nobody_${process.pid}`;
    const password = (await allowPool(copy.address, { role, pool: 'nobody' })) ?? '';
    const written = await dumpOf(copy.address);

    // As docs/backup.md says.
    await run('pg_dump', '--format=custom', `--file=${join(folder, 'haldane.dump')}`, from);
    await run('psql', '-q', '-d', url, '-c', `create database ${name}`);
    await run('pg_restore', '--no-owner', '--exit-on-error', `--dbname=${to.href}`, join(folder, 'haldane.dump'));

    t.equal(await dumpOf({ url: to.href }), written);
    const restored = await openStore({ url: to.href });
    t.match(await restored.runs.get(id), { id });
    await restored.audit.append(act);
    t.match(await checkChain(Readable.from(await restored.audit.read(0, 100)), []), { entries: 5, wrong: null });
    const theirs = new URL(to.href);
    theirs.username = role;
    theirs.password = password;
    const narrow = await openStore({ url: theirs.href });
    t.same([narrow.pool, await narrow.runs.list(10)], ['nobody', []], "and a pool's role is narrowed there as well");
    await narrow.close();
    // Restored without rights it is refused, and not let loose, until it is given them again.
    const bare = new URL(to.href);
    bare.pathname = `/${name}_bare`;
    theirs.pathname = bare.pathname;
    await run('psql', '-q', '-d', url, '-c', `create database ${name}_bare`);
    await run('pg_restore', '--no-owner', '--no-acl', '--exit-on-error', `--dbname=${bare.href}`, join(folder, 'haldane.dump'));
    await t.rejects(openStore({ url: theirs.href }), { message: /permission denied/ });
    t.equal(await allowPool({ url: bare.href }, { role, pool: 'nobody' }), null);
    const again = await openStore({ url: theirs.href });
    t.same([again.pool, await again.runs.list(10)], ['nobody', []]);
    await again.close();
    await t.rejects(run('psql', '-q', '-v', 'ON_ERROR_STOP=1', '-d', to.href, '-c', `update audit set body = 'x' where seq = 1`), /audit/);
    await restored.close();
  });
}

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { checkChain } from '@haldane/client';
import { openStore } from '@haldane/store';
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
      await run('psql', '-q', '-d', url, '-c', `drop database if exists ${name} with (force)`);
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
    const written = await dumpOf(copy.address);

    // As docs/backup.md says.
    await run('pg_dump', '--format=custom', `--file=${join(folder, 'haldane.dump')}`, from);
    await run('psql', '-q', '-d', url, '-c', `create database ${name}`);
    await run('pg_restore', '--no-owner', '--exit-on-error', `--dbname=${to.href}`, join(folder, 'haldane.dump'));

    t.equal(await dumpOf({ url: to.href }), written);
    const restored = await openStore({ url: to.href });
    t.match(await restored.runs.get(id), { id });
    await restored.audit.append(act);
    t.match(await checkChain(Readable.from(await restored.audit.read(0, 100)), []), { entries: 4, wrong: null });
    await t.rejects(run('psql', '-q', '-v', 'ON_ERROR_STOP=1', '-d', to.href, '-c', `update audit set body = 'x' where seq = 1`), /audit/);
    await restored.close();
  });
}

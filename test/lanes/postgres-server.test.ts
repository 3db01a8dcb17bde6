import { testDatabaseOn } from '@haldane/store/testing';
import {
  type ContractTest,
  evidenceContract,
  journalContract,
  outboxContract,
  runStoreContract,
  type StoresUnderTest,
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
}

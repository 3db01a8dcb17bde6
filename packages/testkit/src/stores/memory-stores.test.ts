import { test } from 'tap';
import { evidenceContract } from '../contracts/evidence-contract.ts';
import { journalContract } from '../contracts/journal-contract.ts';
import { outboxContract } from '../contracts/outbox-contract.ts';
import { runStoreContract } from '../contracts/run-store-contract.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { memoryStores } from './memory-stores.ts';

const makeStores = async () => {
  const clock = new VirtualClock();
  return { ...memoryStores(clock), letPass: (ms: number) => clock.advance(ms), close: async () => {} };
};

test('memory runs keep the contract', (t) => runStoreContract(t, makeStores));
test('the memory journal keeps the contract', (t) => journalContract(t, makeStores));
test('memory evidence keeps the contract', (t) => evidenceContract(t, makeStores));
test('the outbox in memory keeps the contract', (t) => outboxContract(t, makeStores));

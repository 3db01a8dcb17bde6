export * from './contracts/contract-test.ts';
export * from './contracts/evidence-contract.ts';
export * from './contracts/journal-contract.ts';
export * from './contracts/run-store-contract.ts';
export * from './sample-run.ts';
export * from './stores/memory-stores.ts';
export * from './virtual-clock.ts';

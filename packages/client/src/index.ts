export * from './audit-chain.ts';
export * from './client.ts';
export * from './schema.ts';

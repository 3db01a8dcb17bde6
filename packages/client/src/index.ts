export * from './audit-chain.ts';
export * from './client.ts';
export * from './schema.ts';
export * from './server-of.ts';
export * from './stage-view.ts';

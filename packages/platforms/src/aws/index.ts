export type { AwsCalls } from './aws-calls.ts';
export * from './aws-platform.ts';
export * from './connect-aws.ts';
export { readPrices } from './price.ts';
export type { ReadConnections } from './sidecars.ts';
export { sweepAws } from './sweep-aws.ts';

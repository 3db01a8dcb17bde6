export * from './assign.ts';
export * from './conform.ts';
export * from './dataplane.ts';
export * from './dataplane-client.ts';
export * from './schemas.ts';
export * from './synthetic.ts';
export * from './wire.ts';

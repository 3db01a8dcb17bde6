export { MemoryAccount } from './memory-account.ts';
export { memorySidecars } from './memory-sidecars.ts';
export * from './memory-stand.ts';
export type { MemoryTwins } from './memory-twins.ts';
export * from './moto-server.ts';
export * from './sdk-stand.ts';
export * from './service-stand.ts';

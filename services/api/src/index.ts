export type { Desk } from './desk.ts';
export { createApi } from './server.ts';

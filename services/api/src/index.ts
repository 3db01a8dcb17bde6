export type { Desk, Permit } from './desk.ts';
export { createApi } from './server.ts';

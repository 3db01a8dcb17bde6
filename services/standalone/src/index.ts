export { readAccess } from './access-file.ts';
export { publishedHeads, readHeads } from './audit-heads.ts';
export { type Config, readConfig } from './config.ts';
export type { RouterAddress } from './halt-routers.ts';
export { inventory, routersOf, startStack, sweepAccount, sweepLocal, tryReceiver } from './on-demand.ts';
export { reportPaths } from './report-paths.ts';
export type { Stack, StackOptions } from './stack.ts';

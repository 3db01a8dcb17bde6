export { readAccess } from './access-file.ts';
export { publishedHeads, readHeads } from './audit-heads.ts';
export { type Config, readConfig, requirePoolName, unreadSettings } from './config.ts';
export type { RouterAddress } from './halt-routers.ts';
export {
  allowPool,
  forbidPool,
  inventory,
  poolRoles,
  routersOf,
  startRunner,
  startStack,
  sweepAccount,
  sweepLocal,
  tryReceiver,
} from './on-demand.ts';
export { reportPaths } from './report-paths.ts';
export { knownKeys } from './signing-keys.ts';
export type { Stack, StackOptions } from './stack.ts';
export { tracingOf } from './tracing/index.ts';

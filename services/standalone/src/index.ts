export { readAccess } from './access-file.ts';
export { publishedHeads, readHeads } from './audit-heads.ts';
export { sweepAccount } from './aws-account.ts';
export { type Config, readConfig } from './config.ts';
export { reportPaths } from './desk.ts';
export { type RouterAddress, routersOf } from './halt-routers.ts';
export { inventory } from './inventory.ts';
export { type Stack, type StackOptions, startStack, sweepLocal } from './stack.ts';
export { tryReceiver } from './try-receiver.ts';

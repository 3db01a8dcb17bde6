import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { Keeper } from './keeper.ts';
import type { KeeperOrder } from './order.ts';

/**
 * The program of a keeper: `node main.js INSTANCE-FOLDER`, its order on standard input. The folder's name is an argument
 * so that a person who looks at the process list sees whose it is. Exit 3: the folder is there, so somebody keeps it.
 */
const order = JSON.parse(await text(process.stdin)) as KeeperOrder;
// A parent that was killed while it spoke leaves broken JSON (thrown above) and nothing else; one that woke up too late, a lease that is over.
if (order.until !== null && order.until <= Date.now()) process.exit(4);
try {
  mkdirSync(dirname(order.folder), { recursive: true, mode: 0o700 });
  mkdirSync(order.folder, { mode: 0o700 });
} catch (error) {
  process.exit((error as NodeJS.ErrnoException).code === 'EEXIST' ? 3 : 1);
}

const keeper = new Keeper(order);
process.on('SIGTERM', () => void keeper.end('told'));
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
// Whatever goes wrong in here, the instance must not be left alone.
process.on('uncaughtException', () => void keeper.end('told'));
process.on('unhandledRejection', () => void keeper.end('told'));
await keeper.start();

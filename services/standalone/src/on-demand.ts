import type { sweepAccount as SweepAccount } from './aws-account.ts';
import type { routersOf as RoutersOf } from './halt-routers.ts';
import type { inventory as Inventory } from './inventory.ts';
import type { startRunner as StartRunner } from './lone-runner.ts';
import type { allowPool as AllowPool, forbidPool as ForbidPool, poolRoles as PoolRoles } from './pool-roles.ts';
import type { startStack as StartStack, sweepLocal as SweepLocal } from './stack.ts';
import type { tryReceiver as TryReceiver } from './try-receiver.ts';

// What takes a house to do is loaded when it is asked for: most commands only talk to a Haldane that is up, and answer in half the time.
export const startStack: typeof StartStack = async (...given) => (await import('./stack.ts')).startStack(...given);
export const startRunner: typeof StartRunner = async (...given) => (await import('./lone-runner.ts')).startRunner(...given);
export const allowPool: typeof AllowPool = async (...given) => (await import('./pool-roles.ts')).allowPool(...given);
export const forbidPool: typeof ForbidPool = async (...given) => (await import('./pool-roles.ts')).forbidPool(...given);
export const poolRoles: typeof PoolRoles = async (...given) => (await import('./pool-roles.ts')).poolRoles(...given);
export const sweepLocal: typeof SweepLocal = async (...given) => (await import('./stack.ts')).sweepLocal(...given);
export const sweepAccount: typeof SweepAccount = async (...given) => (await import('./aws-account.ts')).sweepAccount(...given);
export const tryReceiver: typeof TryReceiver = async (...given) => (await import('./try-receiver.ts')).tryReceiver(...given);
export const routersOf: typeof RoutersOf = async (...given) => (await import('./halt-routers.ts')).routersOf(...given);
export const inventory: typeof Inventory = async (...given) => (await import('./inventory.ts')).inventory(...given);

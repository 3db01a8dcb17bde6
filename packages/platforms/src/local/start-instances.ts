import type { Clock } from '@haldane/core';
import type { KeeperOrder } from './keeper/order.ts';
import { startInstance } from './start-instance.ts';

/**
 * Starts several at once. When it throws (the first failure), none is still on its way: what is there then is all that there is to end.
 */
export async function startInstances(orders: readonly KeeperOrder[], clock: Clock, signal: AbortSignal): Promise<void> {
  const started = await Promise.allSettled(orders.map((order) => startInstance(order, clock, signal)));
  const failed = started.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
}

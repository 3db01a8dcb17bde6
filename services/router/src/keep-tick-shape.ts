import { executionAsyncResource } from 'node:async_hooks';

const kept: object[] = [];

/**
 * Holds one of the objects that `process.nextTick` makes, for as long as the process lasts. Each request makes a dozen of them; while a router
 * has no traffic there is none, and then V8 may forget their shape and from there on builds each by its slowest path: a router that had
 * been idle for ten seconds before its first load took an eighth more processor time for every request ever after (Node 20).
 */
export function keepTickShape(): void {
  process.nextTick(() => {
    if (kept.length === 0) kept.push(executionAsyncResource());
  });
}

import { type AnyChangeKind, HaldaneError, type JsonObject } from '@haldane/core';

/**
 * The kinds, for changes of this run only. What stands in its journal and plan was written by whoever drove it, with a pool's own role perhaps;
 * one that names another run's things is refused (`denied`) by whoever drives it next, with more rights perhaps, and touches nothing.
 */
export function ofItsRun(kinds: readonly AnyChangeKind[], runId: string): readonly AnyChangeKind[] {
  const check = (kind: string, params: JsonObject): void => {
    if (params['runId'] !== runId)
      throw new HaldaneError('denied', `a change ${kind} in run ${runId} names ${String(params['runId'])} as its run: it was left alone`);
  };
  return kinds.map((one) => ({
    kind: one.kind,
    async capture(params: JsonObject, signal) {
      check(one.kind, params);
      return one.capture(params, signal);
    },
    async apply(params: JsonObject, before, signal) {
      check(one.kind, params);
      await one.apply(params, before, signal);
    },
    async revert(params: JsonObject, before, signal) {
      check(one.kind, params);
      await one.revert(params, before, signal);
    },
    async isReverted(params: JsonObject, before, signal) {
      check(one.kind, params);
      return one.isReverted(params, before, signal);
    },
    async superseded(params: JsonObject, before, signal) {
      check(one.kind, params);
      return (await one.superseded?.(params, before, signal)) ?? null;
    },
  }));
}

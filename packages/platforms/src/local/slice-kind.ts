import type { BudgetCaps, ChangeKind, Exposure } from '@haldane/core';
import type { LocalWorld } from './local-world.ts';

export type SliceParams = {
  readonly runId: string;
  readonly route: string;
  readonly name: string;
  readonly share: number;
  readonly exposure: Exposure;
  readonly caps: BudgetCaps;
};

/** A share of real users for each arm. */
export function sliceKind({ dataplane }: LocalWorld): ChangeKind<SliceParams, null> {
  return {
    kind: 'local.slice',
    capture: () => Promise.resolve(null),
    async apply({ route, ...slice }, _before, signal) {
      await dataplane.putSlice(route, slice, signal);
    },
    async revert({ route, runId, name }, _before, signal) {
      await dataplane.deleteSlice(route, runId, name, signal);
    },
    async isReverted({ route, runId, name }, _before, signal) {
      const view = (await dataplane.view(signal)).routes.find((one) => one.route === route);
      return (view?.slices ?? []).every((one) => one.runId !== runId || one.name !== name);
    },
  };
}

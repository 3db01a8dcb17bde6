import type { ChangeKind, Slice } from '@haldane/core';
import { routerSlice } from '../router-slice.ts';
import type { LocalWorld } from './local-world.ts';

export type SliceParams = Slice & { readonly runId: string; readonly route: string };

/** A share of real users for each arm. */
export function sliceKind(world: Pick<LocalWorld, 'dataplane' | 'clock'>): ChangeKind<SliceParams, null> {
  const { put, takeOff, isOff } = routerSlice(world);
  return {
    kind: 'local.slice',
    capture: () => Promise.resolve(null),
    apply: ({ route, ...slice }, _before, signal) => put(route, slice, signal),
    revert: ({ route, runId, name }, _before, signal) => takeOff(route, runId, name, signal),
    isReverted: ({ route, runId, name }, _before, signal) => isOff(route, runId, name, signal),
  };
}

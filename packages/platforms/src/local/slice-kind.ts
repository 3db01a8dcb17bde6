import type { ChangeKind, Clock, Slice } from '@haldane/core';
import type { RouteView } from '@haldane/dataplane';
import type { LocalWorld } from './local-world.ts';

export type SliceParams = Slice & { readonly runId: string; readonly route: string };

/** How long users that a slice has brought into an arm may take to finish there when the slice goes. */
const leaveWithinMs = 2000;
const pollMs = 50;

/**
 * A share of real users for each arm. It is put back when no new request follows it and none that it brought is in an arm any more:
 * what comes next may open a door behind which nobody real may stand (law 8). Who has not left within two seconds is cut off.
 */
export function sliceKind({ dataplane, clock }: Pick<LocalWorld, 'dataplane' | 'clock'>): ChangeKind<SliceParams, null> {
  const look = async (route: string, signal: AbortSignal): Promise<RouteView | undefined> =>
    (await dataplane.view(signal)).routes.find((one) => one.route === route);
  return {
    kind: 'local.slice',
    capture: () => Promise.resolve(null),
    async apply({ route, ...slice }, _before, signal) {
      await dataplane.putSlice(route, slice, signal);
    },
    async revert({ route, runId, name }, _before, signal) {
      await dataplane.deleteSlice(route, runId, name, signal);
      const since = ticks(clock);
      while (isOccupied(await look(route, signal), runId, name)) {
        if (ticks(clock) - since >= leaveWithinMs) return dataplane.cutSlice(route, runId, name, signal);
        await clock.sleep(pollMs, signal);
      }
    },
    async isReverted({ route, runId, name }, _before, signal) {
      const view = await look(route, signal);
      return (view?.slices ?? []).every((one) => one.runId !== runId || one.name !== name) && !isOccupied(view, runId, name);
    },
  };
}

function isOccupied(view: RouteView | undefined, runId: string, slice: string): boolean {
  return view?.inFlight.some((one) => one.runId === runId && one.slice === slice) ?? false;
}

/** A clock that is set back must not make users wait. */
function ticks(clock: Clock): number {
  return clock.monotonic?.() ?? clock.now();
}

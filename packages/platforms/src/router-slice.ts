import type { Clock } from '@haldane/core';
import type { Dataplane, RouteView, SliceConfig } from '@haldane/dataplane';

/**
 * How long users that a slice has brought into an arm may take to finish there when the slice goes: as long as an answer usually may take
 * (law 4), so that nobody is cut off whose answer would still have been a good one, on a machine where all are slow too. It fits into an attempt.
 */
const leaveWithinMs = 5000;
const pollMs = 50;

type Routers = Pick<Dataplane, 'view' | 'putSlice' | 'deleteSlice' | 'cutSlice'>;

export type RouterSlice = {
  put(route: string, slice: SliceConfig, signal: AbortSignal): Promise<void>;
  /**
   * Back when no new request follows the slice and none that it brought is in an arm any more: what comes next may open a door behind which
   * nobody real may stand (law 8). Who has not left within five seconds is cut off.
   */
  takeOff(route: string, runId: string, name: string, signal: AbortSignal): Promise<void>;
  isOff(route: string, runId: string, name: string, signal: AbortSignal): Promise<boolean>;
};

/** A share of what enters a route of ours, for each arm. */
export function routerSlice({ dataplane, clock }: { readonly dataplane: Routers; readonly clock: Clock }): RouterSlice {
  const look = async (route: string, signal: AbortSignal): Promise<RouteView | undefined> =>
    (await dataplane.view(signal)).routes.find((one) => one.route === route);
  return {
    async put(route, slice, signal) {
      await dataplane.putSlice(route, slice, signal);
    },
    async takeOff(route, runId, name, signal) {
      await dataplane.deleteSlice(route, runId, name, signal);
      const since = ticks(clock);
      while (isOccupied(await look(route, signal), runId, name)) {
        if (ticks(clock) - since >= leaveWithinMs) return dataplane.cutSlice(route, runId, name, signal);
        await clock.sleep(pollMs, signal);
      }
    },
    async isOff(route, runId, name, signal) {
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

import { type Arm, type ChangeKind, type DependencyFault, HaldaneError, type RequestFault } from '@haldane/core';
import { httpFaultObjection } from './http-fault-objection.ts';
import type { LocalWorld } from './local-world.ts';
import { requireOwnProxy } from './names.ts';

export type FaultParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly dependency: string;
  readonly proxy: string;
  readonly fault: DependencyFault;
};
export type RequestFaultParams = { readonly runId: string; readonly arm: Arm; readonly route: string; readonly fault: RequestFault };

/** A fault on one arm's calls to a dependency. */
export function faultKind({ dataplane }: LocalWorld): ChangeKind<FaultParams, DependencyFault | null> {
  const find = async (proxy: string, signal: AbortSignal) => (await dataplane.view(signal)).proxies.find((one) => one.proxy === proxy);
  return switchedKind<DependencyFault, FaultParams>('local.fault', {
    where: ({ proxy }) => `proxy ${proxy}`,
    async look(params, signal) {
      requireOwnProxy(params);
      return (await find(params.proxy, signal))?.fault ?? null;
    },
    async set(params, signal) {
      requireOwnProxy(params);
      const { proxy, dependency, fault } = params;
      const found = await find(proxy, signal);
      if (!found) throw new HaldaneError('gone', `the proxy ${proxy} is not there, so its calls cannot be faulted`);
      const objection = httpFaultObjection(dependency, found.as, fault);
      if (objection !== null) throw new HaldaneError('refused', objection);
      await dataplane.setFault(proxy, fault, signal);
    },
    putBack: ({ proxy }, before, signal) => dataplane.setFault(proxy, before, signal),
    clear: ({ proxy }, signal) => dataplane.clearFault(proxy, signal),
  });
}

/** A fault on what enters one arm. */
export function requestFaultKind({ dataplane }: LocalWorld): ChangeKind<RequestFaultParams, RequestFault | null> {
  return switchedKind<RequestFault, RequestFaultParams>('local.request-fault', {
    where: ({ arm, route }) => `the way of route ${route} to ${arm}`,
    async look({ route, runId, arm }, signal) {
      const attached = (await dataplane.view(signal)).routes.find((one) => one.route === route)?.attached;
      return attached?.find((one) => one.runId === runId)?.faults.find((one) => one.arm === arm)?.fault ?? null;
    },
    set: ({ route, runId, arm, fault }, signal) => dataplane.setRequestFault(route, runId, arm, fault, signal),
    putBack: ({ route, runId, arm }, before, signal) => dataplane.setRequestFault(route, runId, arm, before, signal),
    clear: ({ route, runId, arm }, signal) => dataplane.clearRequestFault(route, runId, arm, signal),
  });
}

/** Where a fault is on or off. */
type Switch<F, P> = {
  /** In words. */
  readonly where: (params: P) => string;
  readonly look: (params: P, signal: AbortSignal) => Promise<F | null>;
  readonly set: (params: P, signal: AbortSignal) => Promise<unknown>;
  readonly putBack: (params: P, before: F, signal: AbortSignal) => Promise<unknown>;
  readonly clear: (params: P, signal: AbortSignal) => Promise<void>;
};

/** Somebody else's fault at the same place is never overwritten on the way back. */
function switchedKind<F extends DependencyFault, P extends { readonly fault: F }>(
  kind: string,
  { where, look, set, putBack, clear }: Switch<F, P>,
): ChangeKind<P, F | null> {
  return {
    kind,
    capture: (params, signal) => look(params, signal),
    async apply(params, _before, signal) {
      await set(params, signal);
    },
    async revert(params, before, signal) {
      const now = await look(params, signal);
      if (!isSame(now, params.fault) || isSame(now, before)) return;
      await (before === null ? clear(params, signal) : putBack(params, before, signal));
    },
    async isReverted(params, before, signal) {
      const now = await look(params, signal);
      return !isSame(now, params.fault) || isSame(now, before);
    },
    async superseded(params, before, signal) {
      const now = await look(params, signal);
      return now === null || isSame(now, params.fault) || isSame(now, before)
        ? null
        : `somebody else set the fault "${now.mode}" on ${where(params)} meanwhile; it was left`;
    },
  };
}

/** Two faults that do the same, in whatever order their fields are written. */
function isSame(a: DependencyFault | null, b: DependencyFault | null): boolean {
  const ordered = (fault: DependencyFault | null) => fault && JSON.stringify(Object.entries(fault).sort(([x], [y]) => (x < y ? -1 : 1)));
  return ordered(a) === ordered(b);
}

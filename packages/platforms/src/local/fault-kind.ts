import { type Arm, type ChangeKind, type DependencyFault, HaldaneError } from '@haldane/core';
import type { ProxyView } from '@haldane/dataplane';
import { httpFaultObjection } from './http-fault-objection.ts';
import type { LocalWorld } from './local-world.ts';

export type FaultParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly dependency: string;
  readonly proxy: string;
  readonly fault: DependencyFault;
};

/** A fault on one arm's calls to a dependency. Somebody else's fault on the same proxy is never overwritten on the way back. */
export function faultKind({ dataplane }: LocalWorld): ChangeKind<FaultParams, DependencyFault | null> {
  const find = async (proxy: string, signal: AbortSignal): Promise<ProxyView | undefined> =>
    (await dataplane.view(signal)).proxies.find((one) => one.proxy === proxy);
  return {
    kind: 'local.fault',
    capture: async ({ proxy }, signal) => (await find(proxy, signal))?.fault ?? null,
    async apply({ proxy, dependency, fault }, _before, signal) {
      const found = await find(proxy, signal);
      if (!found) throw new HaldaneError('gone', `the proxy ${proxy} is not there, so its calls cannot be faulted`);
      const objection = httpFaultObjection(dependency, found.as, fault);
      if (objection !== null) throw new HaldaneError('refused', objection);
      await dataplane.setFault(proxy, fault, signal);
    },
    async revert({ proxy, fault }, before, signal) {
      const now = (await find(proxy, signal))?.fault ?? null;
      if (!isSame(now, fault) || isSame(now, before)) return;
      await (before === null ? dataplane.clearFault(proxy, signal) : dataplane.setFault(proxy, before, signal));
    },
    async isReverted({ proxy, fault }, before, signal) {
      const now = (await find(proxy, signal))?.fault ?? null;
      return !isSame(now, fault) || isSame(now, before);
    },
    async superseded({ proxy, fault }, before, signal) {
      const now = (await find(proxy, signal))?.fault ?? null;
      return now === null || isSame(now, fault) || isSame(now, before)
        ? null
        : `somebody else set the fault "${now.mode}" on proxy ${proxy} meanwhile; it was left`;
    },
  };
}

/** Two faults that do the same, in whatever order their fields are written. */
function isSame(a: DependencyFault | null, b: DependencyFault | null): boolean {
  const ordered = (fault: DependencyFault | null) => fault && JSON.stringify(Object.entries(fault).sort(([x], [y]) => (x < y ? -1 : 1)));
  return ordered(a) === ordered(b);
}

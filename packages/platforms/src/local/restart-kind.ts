import { type Arm, type ChangeKind, HaldaneError } from '@haldane/core';
import { tell } from './end-instance.ts';
import { instancesOf, readInstance } from './instances.ts';
import type { LocalWorld } from './local-world.ts';
import { requireOwnCluster } from './names.ts';

export type RestartParams = { readonly runId: string; readonly arm: Arm; readonly cluster: string };

/** How often each instance had been restarted: so that repeating one restart is harmless, and a second one is another. */
type RestartsBefore = { readonly [instance: string]: number };

/**
 * Starts all instances of an arm again on the ports that they had. Applied when each has its new process: a service that
 * cannot become healthy under the fault is a finding, not our failure. There is nothing to put back.
 */
export function restartKind({ layout, clock }: LocalWorld): ChangeKind<RestartParams, RestartsBefore> {
  return {
    kind: 'local.restart',
    capture: ({ cluster }) =>
      Promise.resolve(Object.fromEntries(instancesOf(layout, cluster).map(({ name, record }) => [name, record?.restarts ?? 0]))),
    async apply(params, before, signal) {
      requireOwnCluster(params);
      const { runId, cluster } = params;
      const instances = instancesOf(layout, cluster);
      if (instances.length === 0) throw new HaldaneError('gone', `cluster ${cluster} is not there, so it cannot be restarted`);
      await Promise.all(
        instances.map(async (instance) => {
          const order = `${runId}:${(before[instance.name] ?? 0) + 1}`;
          tell(instance, { restart: order });
          for (;;) {
            const now = readInstance(instance.name, instance.folder);
            if (now.record?.restarted === order && (now.record.pid !== null || now.record.down !== null)) return;
            if (!now.isKept)
              throw new HaldaneError('gone', `instance ${instance.name} of ${cluster} has no keeper any more, so it cannot be restarted`);
            await clock.sleep(25, signal);
          }
        }),
      );
    },
    revert: () => Promise.resolve(),
    isReverted: () => Promise.resolve(true),
  };
}

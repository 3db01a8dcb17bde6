import { type Arm, type ChangeKind, HaldaneError } from '@haldane/core';
import { describeCluster } from './describe-cluster.ts';
import type { LocalWorld } from './local-world.ts';
import { destroyRunSecret, ensureRunSecret, hasRunSecret } from './run-secret.ts';

export type AttachParams = { readonly runId: string; readonly route: string; readonly control: string; readonly experiment: string };

/** Lets signed synthetic requests into the arms. Moves no user. */
export function attachKind(world: LocalWorld): ChangeKind<AttachParams, null> {
  return {
    kind: 'local.attach',
    capture: () => Promise.resolve(null),
    async apply({ runId, route, control, experiment }, _before, signal) {
      const arms: Record<Arm, readonly string[]> = {
        control: healthyAddresses(world, control),
        experiment: healthyAddresses(world, experiment),
      };
      const secret = ensureRunSecret(world.layout, runId, world.random);
      await world.dataplane.attach({ runId, route, arms, secret, until: world.leaseFor(runId) }, signal);
    },
    async revert({ runId, route }, _before, signal) {
      await world.dataplane.detach(route, runId, signal);
      destroyRunSecret(world.layout, runId);
    },
    async isReverted({ runId, route }, _before, signal) {
      const view = (await world.dataplane.view(signal)).routes.find((one) => one.route === route);
      return (view?.attached ?? []).every((one) => one.runId !== runId) && !hasRunSecret(world.layout, runId);
    },
  };
}

function healthyAddresses(world: LocalWorld, cluster: string): readonly string[] {
  const state = describeCluster(world.layout, cluster);
  const sick = state?.instances.filter((one) => !one.healthy).map((one) => one.name) ?? [];
  if (state === null || state.instances.length === 0)
    throw new HaldaneError('gone', `cluster ${cluster} is not there, so nothing can be routed to it`);
  if (sick.length > 0) throw new HaldaneError('not-healthy', `cluster ${cluster} takes no requests yet: ${sick.join(', ')} not healthy`);
  return state.instances.map((one) => one.address);
}

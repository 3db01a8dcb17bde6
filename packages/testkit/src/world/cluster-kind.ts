import type { AnyChangeKind, ChangeKind } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import type { Fuse } from '../fuse.ts';
import type { MemoryWorld } from './memory-world.ts';

type ClusterParams = {
  readonly name: string;
  readonly owner: string;
  readonly revision: string;
  readonly proxies: readonly string[];
  readonly instances: number;
};

/** A cluster, made and taken away instance by instance, so that it is often found half-made. */
export function clusterKind(world: MemoryWorld, fuse: Fuse): AnyChangeKind {
  const ours = ({ name, owner }: ClusterParams) => {
    const cluster = world.clusters.get(name);
    return cluster?.owner === owner ? cluster : undefined;
  };
  const kind: ChangeKind<ClusterParams, null> = {
    kind: 'memory.cluster',
    capture: async () => {
      fuse.alive();
      return null;
    },
    apply: async (params, _before, signal) => {
      const { name, owner, revision, proxies, instances } = params;
      signal.throwIfAborted();
      if (world.clusters.has(name) && !ours(params)) throw new HaldaneError('denied', `cluster "${name}" is somebody else's`);
      for (const proxy of proxies)
        if (!world.proxies.has(proxy)) throw new HaldaneError('gone', `cluster "${name}": its proxy "${proxy}" is not there`);
      if (!ours(params))
        await fuse.around(`make cluster ${name}`, () =>
          world.clusters.set(name, { owner, revision, proxies, instances: [], until: world.firstLease() }),
        );
      for (let index = ours(params)?.instances.length ?? 0; index < instances; index += 1) {
        signal.throwIfAborted();
        await fuse.around(`start ${name}-${index}`, () => ours(params)?.instances.push(`${name}-${index}`));
      }
    },
    revert: async (params, _before, signal) => {
      fuse.alive();
      signal.throwIfAborted();
      const cluster = ours(params);
      if (!cluster) return;
      while (cluster.instances.length > 0) await fuse.around(`end an instance of ${params.name}`, () => cluster.instances.pop());
      await fuse.around(`remove cluster ${params.name}`, () => world.clusters.delete(params.name));
    },
    isReverted: async (params) => {
      fuse.alive();
      return ours(params) === undefined;
    },
  };
  return kind;
}

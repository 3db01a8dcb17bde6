import type { AnyChangeKind } from '@haldane/core';
import type { Fuse } from '../fuse.ts';
import type { MemoryWorld } from './memory-world.ts';
import { ownedKind } from './owned-kind.ts';

type AttachParams = { readonly name: string; readonly owner: string; readonly route: string };

/** The arms known to a route. */
export function attachKind(world: MemoryWorld, fuse: Fuse): AnyChangeKind {
  return ownedKind(
    'memory.attach',
    fuse,
    ({ route }: AttachParams) => world.routes.get(route)?.attached,
    ({ owner }) => ({ owner, until: world.firstLease() }),
  );
}

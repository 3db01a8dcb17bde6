import type { AnyChangeKind } from '@haldane/core';
import type { Fuse } from '../fuse.ts';
import type { MemoryWorld } from './memory-world.ts';
import { ownedKind } from './owned-kind.ts';

type SliceParams = { readonly name: string; readonly owner: string; readonly route: string; readonly share: number };

/** A share of a route's traffic. */
export function sliceKind(world: MemoryWorld, fuse: Fuse): AnyChangeKind {
  return ownedKind(
    'memory.slice',
    fuse,
    ({ route }: SliceParams) => world.routes.get(route)?.slices,
    ({ owner, share }) => ({ owner, share, until: world.firstLease() }),
  );
}

import type { AnyChangeKind } from '@haldane/core';
import type { Fuse } from '../fuse.ts';
import type { MemoryWorld } from './memory-world.ts';
import { ownedKind } from './owned-kind.ts';

type ProxyParams = { readonly name: string; readonly owner: string };

/** A proxy of an arm's own. */
export function proxyKind(world: MemoryWorld, fuse: Fuse): AnyChangeKind {
  return ownedKind(
    'memory.proxy',
    fuse,
    () => world.proxies,
    ({ owner }: ProxyParams) => ({ owner, until: world.firstLease(), fault: null }),
  );
}

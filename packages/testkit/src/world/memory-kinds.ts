import type { AnyChangeKind } from '@haldane/core';
import { Fuse } from '../fuse.ts';
import { attachKind } from './attach-kind.ts';
import { clusterKind } from './cluster-kind.ts';
import { faultKind } from './fault-kind.ts';
import type { MemoryWorld } from './memory-world.ts';
import { proxyKind } from './proxy-kind.ts';
import { settingKind } from './setting-kind.ts';
import { sliceKind } from './slice-kind.ts';

/** How the process with this fuse changes the world; each single move is two steps of the fuse. */
export function memoryKinds(world: MemoryWorld, fuse = new Fuse()): readonly AnyChangeKind[] {
  return [
    proxyKind(world, fuse),
    clusterKind(world, fuse),
    attachKind(world, fuse),
    sliceKind(world, fuse),
    faultKind(world, fuse),
    settingKind(world, fuse),
  ];
}

import type { AnyChangeKind, Json } from '@haldane/core';
import type { Fuse } from '../fuse.ts';
import { fieldKind } from './field-kind.ts';
import type { MemoryWorld } from './memory-world.ts';

type FaultParams = { readonly name: string; readonly value: Json };

/** A fault on a proxy, by the proxy's name. */
export function faultKind(world: MemoryWorld, fuse: Fuse): AnyChangeKind {
  return fieldKind('memory.fault', fuse, ({ name }: FaultParams) => {
    const proxy = world.proxies.get(name);
    if (!proxy) return undefined;
    const write = (value: Json) => {
      proxy.fault = value;
    };
    return { read: () => proxy.fault, write };
  });
}

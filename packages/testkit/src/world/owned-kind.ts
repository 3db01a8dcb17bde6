import type { ChangeKind, JsonObject } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import type { Fuse } from '../fuse.ts';
import type { Owned } from './memory-world.ts';

type OwnedParams = JsonObject & { readonly name: string; readonly owner: string };

/** Things that are made whole in one move and taken away whole; `room` is where they stand, or undefined when that is gone. */
export function ownedKind<P extends OwnedParams, T extends Owned>(
  kind: string,
  fuse: Fuse,
  room: (params: P) => Map<string, T> | undefined,
  make: (params: P) => T,
): ChangeKind<P, null> {
  const ours = (params: P) => room(params)?.get(params.name)?.owner === params.owner;
  return {
    kind,
    capture: async () => {
      fuse.alive();
      return null;
    },
    apply: async (params, _before, signal) => {
      signal.throwIfAborted();
      const standing = room(params);
      if (!standing) throw new HaldaneError('gone', `${kind} "${params.name}": what it belongs to is not there`);
      if (ours(params)) return;
      if (standing.has(params.name)) throw new HaldaneError('denied', `${kind} "${params.name}" is somebody else's`);
      await fuse.around(`make ${kind} ${params.name}`, () => standing.set(params.name, make(params)));
    },
    revert: async (params, _before, signal) => {
      fuse.alive();
      signal.throwIfAborted();
      if (ours(params)) await fuse.around(`remove ${kind} ${params.name}`, () => room(params)?.delete(params.name));
    },
    isReverted: async (params) => {
      fuse.alive();
      return !ours(params);
    },
  };
}

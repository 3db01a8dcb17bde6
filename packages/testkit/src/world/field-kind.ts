import { isDeepStrictEqual } from 'node:util';
import type { ChangeKind, Json, JsonObject } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import type { Fuse } from '../fuse.ts';

type FieldParams = JsonObject & { readonly name: string; readonly value: Json };
/** Where a field is read and written; undefined when what it belongs to is not there. */
type Field = { read(): Json; write(value: Json): void } | undefined;
type Before = { readonly value: Json };

/** A field of something that is there already: set, and put back unless somebody else has set it since. */
export function fieldKind<P extends FieldParams>(kind: string, fuse: Fuse, find: (params: P) => Field): ChangeKind<P, Before> {
  const isOurs = (params: P) => isDeepStrictEqual(find(params)?.read() ?? null, params.value);
  const isForeign = (params: P, before: Before) => {
    const field = find(params);
    return field !== undefined && !isOurs(params) && !isDeepStrictEqual(field.read(), before.value);
  };
  return {
    kind,
    capture: async (params) => {
      fuse.alive();
      return { value: find(params)?.read() ?? null };
    },
    apply: async (params, before, signal) => {
      signal.throwIfAborted();
      const field = find(params);
      if (!field) throw new HaldaneError('gone', `${kind} "${params.name}": there is nothing by that name`);
      if (isOurs(params)) return;
      if (isForeign(params, before))
        throw new HaldaneError('conflict', `${kind} "${params.name}" was changed by somebody else meanwhile; plan again`);
      await fuse.around(`set ${kind} ${params.name}`, () => field.write(params.value));
    },
    revert: async (params, before, signal) => {
      fuse.alive();
      signal.throwIfAborted();
      if (!isOurs(params) || isDeepStrictEqual(params.value, before.value)) return;
      await fuse.around(`unset ${kind} ${params.name}`, () => find(params)?.write(before.value));
    },
    isReverted: async (params, before) => {
      fuse.alive();
      return find(params) === undefined || !isOurs(params) || isDeepStrictEqual(params.value, before.value);
    },
    superseded: async (params, before) =>
      isForeign(params, before)
        ? `"${params.name}" was set to ${JSON.stringify(find(params)?.read())} by somebody else, and was kept`
        : null,
  };
}

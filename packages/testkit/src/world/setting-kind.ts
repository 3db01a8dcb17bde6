import type { AnyChangeKind, Json } from '@haldane/core';
import type { Fuse } from '../fuse.ts';
import { fieldKind } from './field-kind.ts';
import type { MemoryWorld } from './memory-world.ts';

type SettingParams = { readonly name: string; readonly route: string; readonly value: Json };

/** A field of a production route: there before us, and anybody's to set. */
export function settingKind(world: MemoryWorld, fuse: Fuse): AnyChangeKind {
  return fieldKind('memory.setting', fuse, ({ name, route }: SettingParams) => {
    const fields = world.routes.get(route)?.fields;
    return fields && { read: () => fields.get(name) ?? null, write: (value: Json) => void fields.set(name, value) };
  });
}

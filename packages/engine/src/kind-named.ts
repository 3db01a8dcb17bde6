import type { AnyChangeKind } from '@haldane/core';
import { HaldaneError } from '@haldane/core';

/** The kind by that name; throws `unknown-id` with the known ones. */
export function kindNamed(kinds: readonly AnyChangeKind[], name: string): AnyChangeKind {
  const found = kinds.find((each) => each.kind === name);
  if (!found)
    throw new HaldaneError('unknown-id', `there is no kind of change "${name}" here; known: ${kinds.map((each) => each.kind).join(', ')}`);
  return found;
}

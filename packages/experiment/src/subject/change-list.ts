import { type Change, HaldaneError } from '@haldane/core';

/** Every change of a run, in the order in which it is made. The plan prints this list and the stages make it: one source. */
export type ChangeList = {
  /** What must stand before anything is watched, such as proxies and both clusters, or twins: one list after the other, the changes of each together. */
  readonly provision: readonly (readonly Change[])[];
  /** Arms become reachable for synthetic requests; null where nobody asks them for anything. */
  readonly attach: Change | null;
  /** Real users in the baseline; null when only synthetic requests are exposed. */
  readonly baselineSlice: Change | null;
  /** Real users after the proof, a slice for each stage of the ramp; the latest that was made governs. None when only synthetic requests are exposed. */
  readonly watchSlices: (creditRate: number) => readonly Change[];
  /** The one act; empty for a rehearsal, or when the hostile request is itself the act. */
  readonly inject: readonly Change[];
};

/** What may be made together, one list after the other: each change comes after those among them that it stands on. */
export function inOrder(changes: readonly Change[]): readonly (readonly Change[])[] {
  const lists: Change[][] = [];
  let left = changes;
  while (left.length > 0) {
    const waiting = new Set(left.map((change) => change.id));
    const ready = left.filter((change) => change.standsOn.every((id) => !waiting.has(id)));
    if (ready.length === 0) throw new HaldaneError('internal', `changes stand on each other: ${[...waiting].join(', ')}`);
    lists.push(ready);
    left = left.filter((change) => !ready.includes(change));
  }
  return lists;
}

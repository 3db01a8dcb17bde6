import type { JournalEntry } from '@haldane/core';

/**
 * The order of the way back: first what nothing stands on, then what only those stood on, and so on. `circle` are entries
 * that stand on each other (no plan of ours makes such), and what those stand on: no order can undo them.
 */
export function waves(open: readonly JournalEntry[]): {
  readonly waves: readonly (readonly JournalEntry[])[];
  readonly circle: readonly JournalEntry[];
} {
  const ordered: JournalEntry[][] = [];
  let left = [...open];
  for (;;) {
    const ground = new Set(left.flatMap((entry) => entry.change.standsOn));
    const free = left.filter((entry) => !ground.has(entry.change.id));
    if (free.length === 0) return { waves: ordered, circle: left };
    ordered.push(free);
    left = left.filter((entry) => ground.has(entry.change.id));
  }
}

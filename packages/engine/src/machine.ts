import type { Phase } from '@haldane/core';
import { HaldaneError } from '@haldane/core';

/** `done`: the stage did its one thing. `stop`: the run must end before its time. */
export type Arrow = 'done' | 'stop';

/**
 * The one table of where a run may move. Every way out leads through restoring: a stop in any phase after planning goes
 * there, also from restoring itself and from the phases behind it (a run whose runner was lost while it judged is looked
 * at once more). Planning touches nothing, so a stop there ends the run. Null: there is no such move.
 */
export const machine: Readonly<Record<Phase, Readonly<Record<Arrow, Phase | null>>>> = {
  planning: { done: 'provisioning', stop: 'done' },
  provisioning: { done: 'routing', stop: 'restoring' },
  routing: { done: 'baseline', stop: 'restoring' },
  baseline: { done: 'injecting', stop: 'restoring' },
  injecting: { done: 'proving', stop: 'restoring' },
  proving: { done: 'observing', stop: 'restoring' },
  observing: { done: 'restoring', stop: 'restoring' },
  restoring: { done: 'judging', stop: 'restoring' },
  judging: { done: 'reporting', stop: 'restoring' },
  reporting: { done: 'done', stop: 'restoring' },
  done: { done: null, stop: null },
};

/** Where the arrow leads from this phase. Throws `illegal-move` where the table has none. */
export function nextPhase(from: Phase, arrow: Arrow): Phase {
  const to = machine[from][arrow];
  if (to === null) throw new HaldaneError('illegal-move', `a run in phase "${from}" cannot move by "${arrow}": it has ended`);
  return to;
}

/** Whether the world may still be changed by the run in this phase, other than by putting it back. */
export function isBeforeRestoring(phase: Phase): boolean {
  return machine[phase].done !== null && !['restoring', 'judging', 'reporting'].includes(phase);
}

import type { Facts, Phase, Run, Stop } from '@haldane/core';

/** What a stage says after it did its one thing. `learned` adds facts and edits none. */
export type StageOutcome =
  | { readonly done: true; readonly learned?: Facts }
  | { readonly stop: Stop; readonly learned?: Facts }
  | { readonly again: true; readonly afterMs: number };

/**
 * One phase's work. Called again after `again`, after a hand-over, and after a move that was lost on its way to the store,
 * so what it did already must not harm it. `signal` aborts when the lease is lost and, before restoring only, when
 * somebody asked for an abort.
 */
export type Stage<C> = (run: Run, context: C, signal: AbortSignal) => Promise<StageOutcome>;

export type Stages<C> = Readonly<Record<Exclude<Phase, 'done'>, Stage<C>>>;

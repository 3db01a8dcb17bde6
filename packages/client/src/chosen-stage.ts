import type { ServiceRef } from '@haldane/core';
import type { StageView } from './stage-view.ts';

/** A stage that chooses among experiments, and runs those that the deploy needs one after the other. */
export type ChosenStage = ServiceRef & {
  /** Its pipeline's own name for it. */
  readonly ref: string;
  /** On the disk of the Haldane that was asked. */
  readonly files: readonly string[];
  /** There, too: a clone of the service's repository; null: nobody can tell what changed. */
  readonly checkout: string | null;
  /** What of it the service is made of; all of it when there is none. */
  readonly paths: readonly string[];
  /** What the runs may take together; null: as long as they take. */
  readonly maxMinutes: number | null;
  /** Seconds: it ends when its pipeline does not ask for so long; null: nobody need ask. */
  readonly unattended: number | null;
};

/** How it goes, as whoever polls it sees. */
export type ChosenProgress = {
  readonly says: string;
  /** The ref of the run that is under way. */
  readonly ref: string | null;
  /** How it ended; `run` is the one that it rests on, empty when it rests on none. */
  readonly over?: Pick<StageView, 'run' | 'status' | 'verdict'>;
};

/** The ref of a run of the stage, by its place among the files. */
export function refInStage(ref: string, at: number): string {
  return `${ref}:${at + 1}`;
}

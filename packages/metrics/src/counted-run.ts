import type { Arm } from '@haldane/core';

/** Production's cluster, of how many instances each arm is made, and what a run may spend. */
export type CountedRun = {
  readonly production: string;
  readonly instances: Readonly<Record<Arm, number>>;
  readonly failures: number;
  readonly creditRate: number;
};
/** How far a run's evidence goes: the last second that was stored, the failures charged by then, and the requests of both arms. */
export type CountedSoFar = { readonly at: number; readonly spent: number; readonly requests: number };

import type { Candidate, GateEntry, JudgedRun, Touch, Verified } from '@haldane/core';
import { isAnswer } from '../gate/standing.ts';
import { owedOf } from './put-off.ts';

/** An experiment by its definition. `seconds`: baseline and watch. */
export type Defined = Pick<Candidate, 'experiment' | 'scenario' | 'version' | 'touchedBy' | 'seconds'>;

/** Launching the arms, proving and putting back, where no run has shown yet how long they take. */
const aroundSeconds = 60;

/** What is known of each experiment before it is chosen for a revision. Runs and choices newest first. */
export function candidatesOf(
  defined: readonly Defined[],
  revision: string,
  runs: readonly JudgedRun[],
  choices: readonly GateEntry<'choice'>[],
): readonly Candidate[] {
  return defined.map((one) => {
    const own = runs.filter(({ experiment }) => experiment === one.experiment);
    const newest = own.find(isAnswer);
    return {
      ...one,
      seconds: Math.ceil(newest !== undefined && newest.seconds > 0 ? newest.seconds : one.seconds + aroundSeconds),
      verified: newest === undefined ? null : verifiedOf(newest),
      owed: owedOf(one.experiment, revision, choices, runs),
    };
  });
}

function verifiedOf({ revision, scenario, id, at, verdict }: JudgedRun): Verified {
  return { revision, scenario, runId: id, at, verdict: verdict === 'vulnerable' ? 'vulnerable' : 'resilient' };
}

/** What an experiment is touched by: its scenario's, and what raises alerts when it asks for one. */
export function touchedByOf(scenario: readonly Touch[] | null, listens: boolean): readonly Touch[] | null {
  if (scenario === null) return null;
  return listens ? [...scenario, 'detection'] : scenario;
}

import {
  type Arm,
  addTally,
  answerClasses,
  type ClusterRole,
  emptyProbeTally,
  emptyTally,
  type ProbeTally,
  type Tally,
} from '@haldane/core';

export type ByArm<T> = Readonly<Record<Arm, T>>;
export type ByRole<T> = Readonly<Record<ClusterRole, T>>;

export const noneByArm: ByArm<number> = { control: 0, experiment: 0 };
export const noTallies: ByRole<Tally> = { production: emptyTally, control: emptyTally, experiment: emptyTally };
export const noProbes: ByArm<ProbeTally> = { control: emptyProbeTally, experiment: emptyProbeTally };

/** Adds counts arm by arm. */
export function addByArm(a: ByArm<number>, b: ByArm<number>): ByArm<number> {
  return { control: a.control + b.control, experiment: a.experiment + b.experiment };
}

/** Adds the tallies of real traffic, cluster by cluster. */
export function addTallies(a: ByRole<Tally>, b: ByRole<Tally>): ByRole<Tally> {
  return {
    production: addTally(a.production, b.production),
    control: addTally(a.control, b.control),
    experiment: addTally(a.experiment, b.experiment),
  };
}

/** Adds the answers of one kind of stream, arm by arm. */
export function addProbes(a: ByArm<ProbeTally>, b: ByArm<ProbeTally>): ByArm<ProbeTally> {
  return { control: addProbeTally(a.control, b.control), experiment: addProbeTally(a.experiment, b.experiment) };
}

function addProbeTally(a: ProbeTally, b: ProbeTally): ProbeTally {
  return {
    sent: a.sent + b.sent,
    classes: answerClasses.map((_, i) => (a.classes[i] ?? 0) + (b.classes[i] ?? 0)),
    accepted: a.accepted + b.accepted,
    denied: a.denied + b.denied,
    incidental: a.incidental + b.incidental,
    leaky: a.leaky + b.leaky,
  };
}

/** Legitimate synthetic requests that were not let in, for whatever reason: what a user would call a failure. */
export function failedProbes(tally: ProbeTally): number {
  return tally.sent - Math.min(tally.sent, tally.accepted);
}

/** Hostile answers that are neither a refusal nor a breakdown: a door may stand open behind them. */
export function undeniedAnswers(tally: ProbeTally): { readonly undenied: number; readonly answered: number } {
  const broken = (tally.classes[answerClasses.indexOf('server-error')] ?? 0) + (tally.classes[answerClasses.indexOf('broken')] ?? 0);
  const answered = Math.max(0, tally.sent - broken);
  return { undenied: Math.min(answered, tally.classes[answerClasses.indexOf('success')] ?? 0), answered };
}

/** Real requests that were refused for who sent them: 401, 403 and redirects to a login. */
export function denials(tally: Tally): number {
  const of = (name: (typeof answerClasses)[number]) => tally.classes[answerClasses.indexOf(name)] ?? 0;
  return Math.min(tally.requests, of('unauthorised') + of('forbidden') + of('login-redirect'));
}

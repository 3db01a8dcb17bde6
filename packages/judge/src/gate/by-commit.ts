import type { JudgedRun } from '@haldane/core';
import type { GateCase } from './decide-gate.ts';

/** What was said at the gate of revisions. */
type Said = Pick<GateCase, 'asked' | 'broken' | 'cameIn' | 'choices' | 'resolutions'>;

/**
 * The name by which runs know a revision: itself, or the commit behind a name of the platform's, so that a pipeline which speaks of
 * commits and a person who reads `template:7` mean the same. A name that no run was on stays what it is, and nothing is known of it. Newest first.
 */
export function commitOf(revision: string, runs: readonly JudgedRun[]): string {
  if (runs.some((run) => run.revision === revision)) return revision;
  return runs.find((run) => run.onPlatform === revision)?.revision ?? revision;
}

/** What was said at the gate, with each revision by the name that runs know it by. */
export function byCommit({ asked, broken, cameIn, choices, resolutions }: Said, runs: readonly JudgedRun[]): Said {
  const name = (revision: string) => commitOf(revision, runs);
  const orNull = (revision: string | null) => (revision === null ? null : name(revision));
  const named = <E extends { readonly revision: string }>(one: E) => ({ ...one, revision: name(one.revision) });
  return {
    asked: asked.map((one) => ({ ...named(one), live: orNull(one.live) })),
    broken: broken.map(named),
    cameIn: cameIn.map((one) => ({ ...one, good: name(one.good), bad: name(one.bad), first: orNull(one.first) })),
    choices: choices.map((one) => ({ ...named(one), stands: one.stands.map((stood) => ({ ...stood, on: name(stood.on) })) })),
    resolutions: resolutions.map(named),
  };
}

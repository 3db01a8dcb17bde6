import type { JudgedRun } from '@haldane/core';
import type { GateCase } from './decide-gate.ts';

/** What was said at the gate of revisions. */
type Said = Pick<GateCase, 'asked' | 'broken' | 'cameIn' | 'choices' | 'resolutions'>;

/** What a platform says that cannot tell what runs there. */
const nobodys = 'unknown';

/**
 * The runs, each by the one commit that any of them knows behind its platform's name: those of before anybody could tell it, and those where the
 * pipeline did not say it, are of the same revision. Where several commits are known behind a name, a run without one stays by that name.
 */
export function withCommits(runs: readonly JudgedRun[]): readonly JudgedRun[] {
  const behind = new Map<string, Set<string>>();
  for (const { revision, onPlatform } of runs)
    if (revision !== onPlatform && onPlatform !== nobodys) behind.set(onPlatform, (behind.get(onPlatform) ?? new Set()).add(revision));
  return runs.map((run) => {
    const [commit, another] = behind.get(run.onPlatform) ?? [];
    return commit === undefined || another !== undefined ? run : { ...run, revision: commit };
  });
}

/** The platform's names for a revision that mean it and no other. `runs` as `withCommits` gives them. */
export function platformNamesOf(revision: string, runs: readonly JudgedRun[]): readonly string[] {
  const names = new Set(runs.filter((run) => run.revision === revision).map(({ onPlatform }) => onPlatform));
  return [...names].filter((name) => name !== nobodys && runs.every((run) => run.onPlatform !== name || run.revision === revision));
}

/**
 * The name by which runs know a revision: itself, or the commit behind a name of the platform's, so that a pipeline which speaks of
 * commits and a person who reads `template:7` mean the same. A name that no run was on stays what it is, and nothing is known of it.
 * `runs` as `withCommits` gives them, newest first.
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

import type { JudgedRun, LockedRevision } from '@haldane/core';
import { findingOf, type GateCase } from './decide-gate.ts';
import { type Live, standingOf } from './standing.ts';

/**
 * Regressions of a service that nobody has answered for: what the gate would hold, read from the same book. One ends when the owner resolves
 * it, a risk owner accepts it, or a revision that was first run later passes.
 */
export function lockedRevisions(known: Omit<GateCase, 'revision' | 'live' | 'wasLive' | 'broken'>): readonly LockedRevision[] {
  const names = [...new Set(known.runs.map(({ experiment }) => experiment))].sort();
  return names.flatMap((experiment) => {
    const runs = known.runs.filter((run) => run.experiment === experiment);
    const revisions = inOrder(runs);
    const passed = revisions.findLastIndex((revision) => standingOf(runs, revision, null).standing === 'passed');
    return revisions.slice(passed + 1).flatMap((revision, index): readonly LockedRevision[] => {
      const live = liveBefore(revision, revisions.slice(0, passed + 1 + index), known);
      const { mode, standing, accepted, runId, says } = findingOf(experiment, live, { ...known, revision });
      const isNew = standing === 'regressed' || standing === 'let-in';
      if (!isNew || accepted !== null || runId === null) return [];
      return [{ service: known.service, environment: known.environment, experiment, revision, mode, runId, says }];
    });
  });
}

/** Revisions as they were first run, the oldest first. */
function inOrder(runs: readonly JudgedRun[]): readonly string[] {
  return [...new Set(runs.toReversed().map(({ revision }) => revision))];
}

/** What was live when the revision came: as a pipeline said, or else the newest before it that the gate did not hold. */
function liveBefore(revision: string, before: readonly string[], { asked }: Pick<GateCase, 'asked'>): Live | null {
  const said = asked.find((one) => one.revision === revision && one.live !== null)?.live;
  if (said !== undefined && said !== null) return { revision: said, said: true };
  const held = new Set(asked.filter(({ blocking }) => blocking.length > 0).map((one) => one.revision));
  const taken = before.findLast((one) => !held.has(one));
  return taken === undefined ? null : { revision: taken, said: false };
}

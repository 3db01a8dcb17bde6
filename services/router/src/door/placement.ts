import type { IncomingMessage } from 'node:http';
import type { ClusterRole } from '@haldane/core';
import { roleOf, runNamedBy, syntheticHeader, verifySynthetic } from '@haldane/dataplane';
import type { AttachedRun } from '../run/attached-run.ts';
import { type Observer, RealRequest } from '../run/real-request.ts';
import type { RouterTime } from '../time.ts';
import type { Cluster } from '../upstreams.ts';
import type { BroughtBy } from './in-flight.ts';

/** Where a request goes, and who is told what becomes of it. */
export type Placement = {
  readonly role: ClusterRole;
  readonly cluster: Cluster;
  readonly observers: readonly Observer[];
  readonly synthetic: boolean;
  /** The slice that let a real request into an arm; null for all others. */
  readonly by: BroughtBy | null;
};

/**
 * Places one request. Signed synthetic requests enter the arm that they name and are counted nowhere. A real one enters an
 * arm only if its user's key came with it, the run's slice covers it and the run's budget has a unit left; else it is production's.
 */
export function place(
  request: IncomingMessage,
  key: string | null,
  production: Cluster,
  runs: readonly AttachedRun[],
  time: RouterTime,
): Placement {
  const live = runs.filter((run) => !run.lease.isOver());
  return (
    placeSynthetic(request, live) ??
    placeReal(request, key, live, time) ?? {
      role: 'production',
      cluster: production,
      observers: watchProduction(live, time),
      synthetic: false,
      by: null,
    }
  );
}

/**
 * Whether this is a synthetic request of a run that is not (or no longer) here. Law 13: it must not become production's, for it may be
 * hostile; its header cannot be checked any more, and whoever forges one only keeps himself out.
 */
export function isStranded(request: IncomingMessage, runs: readonly AttachedRun[]): boolean {
  const runId = runNamedBy(request.headers[syntheticHeader]);
  return runId !== null && !runs.some((run) => run.runId === runId && !run.lease.isOver());
}

function placeSynthetic(request: IncomingMessage, runs: readonly AttachedRun[]): Placement | null {
  const header = request.headers[syntheticHeader];
  if (header === undefined) return null;
  for (const run of runs) {
    const mark = verifySynthetic(run.secret, header);
    if (mark && mark.runId === run.runId) return { role: mark.arm, cluster: run.arms[mark.arm], observers: [], synthetic: true, by: null };
  }
  return null;
}

function placeReal(request: IncomingMessage, key: string | null, runs: readonly AttachedRun[], time: RouterTime): Placement | null {
  if (key === null) return null;
  for (const run of runs) {
    const slice = run.slice;
    if (!slice || slice.exposure === 'synthetic' || (slice.exposure === 'reads' && !isRead(request))) continue;
    const draw = run.draw(key);
    const role = roleOf(draw.u, slice.share);
    if (role === 'production' || !run.ledger.admit()) continue;
    const watch = new RealRequest({ ledger: run.ledger, role, key: draw.hash, limitMs: slice.caps.latencyLimitMs, time });
    return { role, cluster: run.arms[role], observers: [watch], synthetic: false, by: { runId: run.runId, slice: slice.name } };
  }
  return null;
}

function watchProduction(runs: readonly AttachedRun[], time: RouterTime): readonly Observer[] {
  return runs.map(
    (run) => new RealRequest({ ledger: run.ledger, role: 'production', key: null, limitMs: run.slice?.caps.latencyLimitMs ?? null, time }),
  );
}

/** An upgrade is a GET that can write. */
function isRead(request: IncomingMessage): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && request.headers.upgrade === undefined;
}

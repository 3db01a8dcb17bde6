import type { IncomingMessage } from 'node:http';
import type { Arm, ClusterRole } from '@haldane/core';
import { roleOf, runNamedBy, type SyntheticStream, syntheticHeader, verifySynthetic } from '@haldane/dataplane';
import type { AttachedRun } from '../run/attached-run.ts';
import type { Observer } from '../run/observer.ts';
import { RealRequest } from '../run/real-request.ts';
import type { PlacedSlice } from '../slice/placed-slice.ts';
import { stickyKeyOf } from '../slice/sticky-key.ts';
import type { RouterTime } from '../time.ts';
import type { Cluster } from '../upstreams.ts';
import type { BroughtBy } from './in-flight.ts';

/** A request, and what was made out about who sent it. */
export type Visitor = {
  readonly request: IncomingMessage;
  readonly path: string;
  /** When it came, by running time. */
  readonly at: number;
  /** The sticky key in the router's own cookie. */
  readonly cookie: string | null;
  /** The client's own address, as far as the proxies before us can be believed. */
  readonly client: () => string;
};

/** Where a request goes, and who is told what becomes of it. */
export type Placement = {
  readonly role: ClusterRole;
  readonly cluster: Cluster;
  readonly observers: readonly Observer[];
  /** Haldane's own, of this stream; null: a real request. */
  readonly synthetic: SyntheticStream | null;
  /** The run whose arm it, or a copy of it, enters; null when none does. */
  readonly run: AttachedRun | null;
  /** The slice that let a real request into an arm; null for all others. */
  readonly by: BroughtBy | null;
  /** What an arm does with this request; null for what only production answers, and for synthetic requests. */
  readonly treatment: Treatment | null;
};

/** A real request that its slice takes into an arm, and who follows it there. `mirror`: production answers, the arm gets a copy. */
export type Treatment = { readonly slice: PlacedSlice; readonly run: AttachedRun; readonly arm: Arm; readonly request: RealRequest };

/**
 * Places one request. Signed synthetic requests enter the arm that they name and are counted nowhere. A real one enters an
 * arm only if its user's key came with it, the run's slice covers it, and neither its rate nor the run's budget is used up; else it is
 * production's.
 */
export function place(visitor: Visitor, production: Cluster, runs: readonly AttachedRun[], time: RouterTime): Placement {
  const live = runs.every((run) => !run.lease.isOver()) ? runs : runs.filter((run) => !run.lease.isOver());
  return (
    placeSynthetic(visitor.request, live) ??
    placeReal(visitor, production, live, time) ?? {
      role: 'production',
      cluster: production,
      observers: watchProduction(live, visitor.at, time),
      synthetic: null,
      run: null,
      by: null,
      treatment: null,
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
    if (mark && mark.runId === run.runId)
      return { role: mark.arm, cluster: run.arms[mark.arm], observers: [], synthetic: mark.stream, run, by: null, treatment: null };
  }
  return null;
}

/** `runs`: those whose lease lasts. */
function placeReal(visitor: Visitor, production: Cluster, runs: readonly AttachedRun[], time: RouterTime): Placement | null {
  const { request, path, cookie } = visitor;
  for (const run of runs) {
    const slice = run.latest;
    if (slice === null || !slice.coverage.exposes(request)) continue;
    const key = slice.rules.key.from === 'cookie' ? cookie : stickyKeyOf(visitor, slice.rules.key);
    if (key === null) continue;
    const draw = run.draw(key);
    const arm = roleOf(draw.u, slice.config.share, slice.config.controlTimes);
    if (arm === 'production' || !slice.coverage.covers(request, path, key)) continue;
    const copy = slice.rules.mode === 'mirror';
    if (!admits(run, slice, arm, draw.hash, copy)) continue;
    const { latencyLimitMs } = slice.config.caps;
    const watch = new RealRequest({
      ledger: run.ledger,
      whose: { role: arm, key: draw.hash },
      limitMs: latencyLimitMs,
      time,
      began: visitor.at,
      copy,
      again: run.isAgain(request, draw.hash),
    });
    const treatment = { slice, run, arm, request: watch };
    return copy
      ? {
          role: 'production',
          cluster: production,
          observers: watchProduction(runs, visitor.at, time),
          synthetic: null,
          run,
          by: null,
          treatment,
        }
      : {
          role: arm,
          cluster: run.arms[arm],
          observers: [watch],
          synthetic: null,
          run,
          by: { runId: run.runId, slice: slice.config.name },
          treatment,
        };
  }
  return null;
}

/** Takes what a request in an arm needs: a place in the rate, and a unit of the budget unless it is a copy. */
function admits(run: AttachedRun, slice: PlacedSlice, arm: Arm, key: string, copy: boolean): boolean {
  const mayCome = (!copy || slice.mayCopy) && (slice.rate === null || slice.rate.take(arm, key));
  if (!mayCome) run.ledger.narrow();
  return mayCome && (copy || run.ledger.admit(key));
}

function watchProduction(runs: readonly AttachedRun[], began: number, time: RouterTime): readonly Observer[] {
  return runs.map(({ ledger, latest }) => {
    const limitMs = latest?.config.caps.latencyLimitMs ?? null;
    return new RealRequest({ ledger, whose: { role: 'production' }, limitMs, time, began });
  });
}

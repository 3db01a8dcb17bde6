import { rmSync, statSync } from 'node:fs';
import { type Clock, hasCode, messageOf } from '@haldane/core';
import type { Dataplane, DataplaneView } from '@haldane/dataplane';
import type { SweepRow } from '../sweep-row.ts';
import { readClusterRecord } from './cluster-record.ts';
import { endInstance } from './end-instance.ts';
import { foldersIn, instancesOf, type KeptInstance } from './instances.ts';
import { type Layout, layoutOf } from './layout.ts';
import { runClusters } from './leftovers.ts';
import { destroyRunSecret } from './run-secret.ts';

export type SweepOptions = {
  readonly dataDir: string;
  /** Null when no router runs: then only this machine's processes and files are looked at. */
  readonly dataplane: Dataplane | null;
  readonly clock: Clock;
  /** Epoch ms. */
  readonly now: number;
  /** False only lists. */
  readonly end: boolean;
};

/** `end` null: it is shown, and left. */
type Finding = Omit<SweepRow, 'action'> & { readonly end: (() => Promise<void>) | null };

/** A keeper has made its folder but written nothing into it yet. */
const startingMs = 5000;
const leftToServe = 'left, because it serves production: the next deploy takes its place';
const never = new AbortController().signal;

/**
 * Lists (and with `end` ends) what is past its lease or has nobody who would end it. What is alive and leased is never
 * touched, nor a process whose start time is not the recorded one.
 */
export async function sweep(options: SweepOptions): Promise<readonly SweepRow[]> {
  const layout = layoutOf(options.dataDir);
  const view = await routerView(options.dataplane);
  const findings = [...clusterFindings(layout, options), ...secretFindings(layout, view, options.now), ...routerFindings(view, options)];
  const rows: SweepRow[] = [];
  for (const { end, ...row } of findings)
    rows.push({ ...row, action: end === null ? leftToServe : options.end ? await attempt(end) : 'would be ended' });
  return rows;
}

function clusterFindings(layout: Layout, { clock, now }: SweepOptions): readonly Finding[] {
  return foldersIn(layout.clusters).flatMap((cluster) => {
    const instances = instancesOf(layout, cluster);
    const findings = instances.flatMap((instance) => instanceFinding(cluster, instance, clock, now));
    const record = readClusterRecord(layout, cluster);
    if (findings.length < instances.length || findings.some((one) => one.end === null) || isYoung(layout.cluster(cluster), now))
      return findings;
    const what = `${record?.role === 'production' ? 'production ' : ''}cluster ${cluster}, with no instance that is kept`;
    const runId = record?.runId ?? null;
    const end = async () => rmSync(layout.cluster(cluster), { recursive: true, force: true });
    return [...findings, { what, runId, expiredAt: null, end }];
  });
}

function instanceFinding(cluster: string, instance: KeptInstance, clock: Clock, now: number): readonly Finding[] {
  const { name, folder, record, until, isKept, isRunning } = instance;
  if (record === null && isYoung(folder, now)) return [];
  const expired = until !== null && until <= now;
  if (isKept && !expired) return [];
  const why = isKept ? 'past its lease' : isRunning ? 'its keeper is gone, its process runs on' : 'its keeper and its process are gone';
  const finding = { what: `instance ${name} of ${cluster}: ${why}`, runId: record?.runId ?? null, expiredAt: expired ? until : null };
  const serves = record?.role === 'production' && isRunning && !expired;
  return [{ ...finding, end: serves ? null : () => endInstance(instance, clock, never) }];
}

/** A run's key without any arm that could still use it. */
function secretFindings(layout: Layout, view: DataplaneView | null, now: number): readonly Finding[] {
  return foldersIn(layout.runs).flatMap((runId) => {
    const arms = runClusters(layout.clusters, runId).flatMap((cluster) => instancesOf(layout, cluster));
    const isUsed = arms.some((one) => one.isKept && (one.until === null || one.until > now)) || isYoung(layout.run(runId), now);
    const isAttached = view?.routes.some((route) => route.attached.some((one) => one.runId === runId && one.until > now)) ?? false;
    if (isUsed || isAttached) return [];
    return [{ what: `the key of run ${runId}`, runId, expiredAt: null, end: async () => destroyRunSecret(layout, runId) }];
  });
}

/** The router ends these by itself; here they only show when it has not come to it yet. */
function routerFindings(view: DataplaneView | null, { dataplane, now }: SweepOptions): readonly Finding[] {
  if (view === null || dataplane === null) return [];
  const attached = view.routes.flatMap(({ route, attached }) =>
    attached
      .filter((one) => one.until <= now)
      .map(({ runId, until }) => ({
        what: `the arms of run ${runId} on route ${route}`,
        runId,
        expiredAt: until,
        end: () => dataplane.detach(route, runId),
      })),
  );
  const proxies = view.proxies
    .filter((one) => one.until <= now)
    .map(({ proxy, runId, until }) => ({ what: `proxy ${proxy}`, runId, expiredAt: until, end: () => dataplane.deleteProxy(proxy) }));
  return [...attached, ...proxies];
}

async function routerView(dataplane: Dataplane | null): Promise<DataplaneView | null> {
  try {
    return (await dataplane?.view()) ?? null;
  } catch (error) {
    // A router that is gone has nothing of anybody's: its slices, proxies and faults lived in its memory.
    if (hasCode(error, 'unavailable')) return null;
    throw error;
  }
}

async function attempt(end: () => Promise<void>): Promise<string> {
  try {
    await end();
    return 'ended';
  } catch (error) {
    return `could not be ended: ${messageOf(error)}`;
  }
}

function isYoung(folder: string, now: number): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false });
  return stat !== undefined && now - stat.mtimeMs < startingMs;
}

import { randomBytes } from 'node:crypto';
import type { Change, Clock, Deployment, Platform } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import { attachKind } from './attach-kind.ts';
import { plainBasics } from './basics.ts';
import { clusterKind } from './cluster-kind.ts';
import { localClusters } from './cluster-provider.ts';
import { faultKind, requestFaultKind } from './fault-kind.ts';
import { localFaults } from './fault-plane.ts';
import { layoutOf } from './layout.ts';
import { localLeftovers } from './leftovers.ts';
import type { LocalWorld } from './local-world.ts';
import { proxyKind } from './proxy-kind.ts';
import { localRefusals } from './refusals.ts';
import { RunLeases, renewRun } from './renew-run.ts';
import { restartKind } from './restart-kind.ts';
import { sliceKind } from './slice-kind.ts';
import { localTraffic } from './traffic-router.ts';

export type LocalPlatformOptions = {
  readonly dataDir: string;
  readonly dataplane: Dataplane;
  readonly clock: Clock;
  /** Random bytes for the run's key; default: the machine's own. */
  readonly random?: (bytes: number) => Uint8Array;
  /** What each instance's environment begins with (PATH, HOME, LANG, ...). Default: plain ones with this Node first on the path. */
  readonly basics?: Readonly<Record<string, string>>;
  /** How long an effect lasts that is made before the run was first renewed. Default 10 s. */
  readonly firstLeaseMs?: number;
};

/** A platform whose refusals may also look at what is planned. */
export interface LocalPlatform extends Platform {
  refusals(deployment: Deployment, signal: AbortSignal, changes?: readonly Change[]): Promise<readonly string[]>;
}

/** Clusters are processes of this machine, each with a keeper; routes and dependencies go through our router. */
export function localPlatform(options: LocalPlatformOptions): LocalPlatform {
  const { dataplane, clock } = options;
  const leases = new RunLeases(clock, options.firstLeaseMs ?? 10_000);
  const world: LocalWorld = {
    layout: layoutOf(options.dataDir),
    dataplane,
    clock,
    random: options.random ?? randomBytes,
    basics: options.basics ?? plainBasics(),
    leaseFor: (runId) => leases.for(runId),
  };
  return {
    id: 'local',
    clusters: localClusters(world),
    traffic: localTraffic(world),
    faults: localFaults(world),
    changeKinds: [
      clusterKind(world),
      proxyKind(world),
      attachKind(world),
      sliceKind(world),
      faultKind(world),
      requestFaultKind(world),
      restartKind(world),
    ],
    settleMs: 500,
    refusals: (deployment, signal, changes = []) => localRefusals(world, deployment, changes, signal),
    async renew(runId, until, signal) {
      leases.renewed(runId, until);
      await renewRun(world, runId, until, signal);
    },
    leftovers: (runId, signal) => localLeftovers(world, runId, signal),
  };
}

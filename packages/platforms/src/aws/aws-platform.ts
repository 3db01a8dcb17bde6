import { randomBytes } from 'node:crypto';
import type { Clock, Platform } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';
import type { AwsWorld } from './aws-world.ts';
import { awsClusters } from './cluster-provider.ts';
import { Expiry } from './expiry.ts';
import { awsFaults } from './fault-plane.ts';
import { attachKind } from './kinds/attach-kind.ts';
import { clusterKind } from './kinds/cluster-kind.ts';
import { doorKind } from './kinds/door-kind.ts';
import { sliceKind } from './kinds/slice-kind.ts';
import { targetsKind } from './kinds/targets-kind.ts';
import { awsLeftovers } from './leftovers.ts';
import { awsRefusals } from './refusals.ts';
import { namingItsResource } from './resource-words.ts';
import { awsTraffic } from './traffic-router.ts';

export type AwsPlatformOptions = {
  readonly calls: AwsCalls;
  readonly clock: Clock;
  /** Where users reach a route, by its name, when that is not the balancer's own address. */
  readonly addresses?: Readonly<Record<string, string>>;
  readonly random?: (bytes: number) => Uint8Array;
  /** How far the expiry in the tags lies beyond the run's lease. Default 15 minutes. */
  readonly expiryAheadMs?: number;
  /** How long what was written may take to be seen everywhere. Default 5 s. */
  readonly settleMs?: number;
  /** How long requests in an arm get to end when its slice went. Default 5 s. */
  readonly leaveMs?: number;
};

/** Clusters are Auto Scaling groups; routes are rules of an Application Load Balancer's listener, named `balancer:port/priority`. */
export function awsPlatform(options: AwsPlatformOptions): Platform {
  const { calls, clock, addresses = {}, settleMs = 5_000, leaveMs = 5_000 } = options;
  const expiry = new Expiry(calls, clock, options.expiryAheadMs ?? 15 * 60_000);
  const world: AwsWorld = {
    calls,
    clock,
    random: options.random ?? randomBytes,
    settleMs,
    leaveMs,
    expiresFor: (runId) => expiry.for(runId),
  };
  return {
    id: 'aws',
    clusters: awsClusters(calls),
    traffic: awsTraffic(world, (route) => addresses[route]),
    faults: awsFaults(),
    changeKinds: [targetsKind(world), doorKind(world), clusterKind(world), attachKind(world), sliceKind(world)].map(namingItsResource),
    settleMs,
    refusals: (deployment, signal, changes = []) => awsRefusals(calls, deployment, changes, signal),
    renew: (runId, until, signal) => expiry.renew(runId, until, signal),
    leftovers: (runId, signal) => awsLeftovers(calls, runId, signal),
  };
}

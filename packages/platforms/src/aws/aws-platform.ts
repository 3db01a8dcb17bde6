import { randomBytes } from 'node:crypto';
import type { AnyChangeKind, Change, Clock, Platform } from '@haldane/core';
import { awsAdvice, type Budget } from './advice.ts';
import type { AwsCalls } from './aws-calls.ts';
import type { AwsWorld } from './aws-world.ts';
import { awsClusters } from './cluster-provider.ts';
import { commits } from './commits.ts';
import { contactsOf } from './contacts.ts';
import { Expiry } from './expiry.ts';
import { awsFaults } from './fault-plane.ts';
import { attachKind } from './kinds/attach-kind.ts';
import { clusterKind } from './kinds/cluster-kind.ts';
import { doorKind } from './kinds/door-kind.ts';
import { faultKind } from './kinds/fault-kind.ts';
import { sliceKind } from './kinds/slice-kind.ts';
import { targetsKind } from './kinds/targets-kind.ts';
import { templateKind } from './kinds/template-kind.ts';
import { twinFaultKind } from './kinds/twin-fault-kind.ts';
import { twinKind } from './kinds/twin-kind.ts';
import { awsLeftovers } from './leftovers.ts';
import { awsMeters } from './meters.ts';
import { sparing } from './own.ts';
import { commonPrices } from './price.ts';
import { awsRefusals } from './refusals.ts';
import { namingItsResource } from './resource-words.ts';
import { inItsSession, type OpenSession, RunSessions, scopeOf } from './run-sessions.ts';
import { type SideDoorOptions, SideDoors } from './side-doors.ts';
import { type ReadConnections, type SidecarOptions, Sidecars } from './sidecars.ts';
import { awsTraffic } from './traffic-router.ts';
import { awsTwins } from './twins.ts';

export type AwsPlatformOptions = {
  readonly calls: AwsCalls;
  readonly clock: Clock;
  /** Where users reach a route, by its name, when that is not the balancer's own address. */
  readonly addresses?: Readonly<Record<string, string>>;
  readonly random?: (bytes: number) => Uint8Array;
  /** Opens a session for each run, narrowed to it; absent: everything is done with the connection's own rights. */
  readonly sessions?: OpenSession;
  /** How instances of arms start a router beside them; absent: arms are launched without, and cannot be harmed. */
  readonly sidecar?: SidecarOptions;
  /** Haldane's routers, and the routes whose balancers may send a run's share to them. */
  readonly sideDoors?: SideDoorOptions;
  /** Where the dependencies of a run's service are; needed with `sidecar`. */
  readonly connections?: ReadConnections;
  /** What an hour of an instance costs, and the most that a run may. Default: common prices, 5 US dollars. */
  readonly budget?: Partial<Budget>;
  /** The tag for instances in a launch template's version that holds the commit which they are built from. Default `commit`. */
  readonly commitTag?: string;
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
  const budget: Budget = { prices: commonPrices, ceilingUsd: 5, ...options.budget };
  const sidecars = options.sidecar === undefined ? null : new Sidecars(options.sidecar, calls, clock);
  const sideDoors = options.sideDoors === undefined ? null : new SideDoors(options.sideDoors, calls, clock);
  const looking = sparing(calls, sidecars !== null);
  const expiry = new Expiry(looking, clock, options.expiryAheadMs ?? 15 * 60_000);
  const worldOf = (own: AwsCalls): AwsWorld => ({
    calls: own,
    clock,
    random: options.random ?? randomBytes,
    settleMs,
    leaveMs,
    sidecars,
    sideDoors,
    connections: options.connections ?? (() => Promise.resolve({ dependencies: [], intakeOff: {} })),
    expiresFor: (runId) => expiry.for(runId),
  });
  const commitOf = commits(calls, options.commitTag ?? 'commit');
  const sessions = options.sessions === undefined ? null : new RunSessions(calls, options.sessions, clock);
  const made: readonly ((world: AwsWorld) => AnyChangeKind)[] = [
    targetsKind,
    doorKind,
    templateKind,
    clusterKind,
    attachKind,
    sliceKind,
    twinKind,
    twinFaultKind,
  ];
  const kinds = made.map((make) => {
    const of = (own: AwsCalls) => make(worldOf(own));
    return namingItsResource(sessions === null ? of(calls) : inItsSession(sessions, of, calls));
  });
  return {
    id: 'aws',
    clusters: awsClusters(calls, sidecars, commitOf),
    traffic: awsTraffic(worldOf(calls), (route) => addresses[route]),
    faults: awsFaults(sidecars, awsTwins(calls)),
    // A fault is a word to the sidecars, not a call to AWS: no session stands between.
    changeKinds: [...kinds, namingItsResource(faultKind(worldOf(calls)))],
    settleMs,
    // AWS throttles, and shows what was made a little later: a change is tried again for so long.
    patience: { applyMs: 60_000, readyMs: 10 * 60_000, restoreMs: 10 * 60_000 },
    isRouted: (route) => (sideDoors?.of(route) ?? null) !== null,
    async refusals(deployment, signal, changes = []) {
      const refusals = await awsRefusals({ calls, commitOf, hasSidecars: sidecars !== null }, deployment, changes, signal);
      return refusals.length > 0 || sessions === null ? refusals : trespasses(sessions, changes, deployment.route, signal);
    },
    advise: (deployment, changes, seconds, signal) => awsAdvice(calls, budget, deployment, changes, seconds, signal),
    async renew(runId, until, signal, twinOf) {
      await Promise.all([
        expiry.renew(runId, until, signal, twinOf),
        sidecars?.renew(runId, until, signal),
        sideDoors?.renew(runId, until, signal),
      ]);
    },
    ...(sidecars === null ? {} : { contacts: contactsOf(sidecars) }),
    meters: (deployment, runId, signal) => awsMeters(calls, !!sideDoors?.of(deployment.route), deployment, runId, signal),
    async leftovers(runId, signal, twinOf) {
      const [inAccount, atRouters] = await Promise.all([
        awsLeftovers(looking, runId, signal, twinOf),
        sideDoors?.leftovers(runId, signal) ?? [],
      ]);
      return [...inAccount, ...atRouters];
    },
  };
}

/** A session that may do what its policy does not allow is no fence: nothing is begun behind it. */
async function trespasses(
  sessions: RunSessions,
  changes: readonly Change[],
  route: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const change = changes.find(({ params }) => typeof params['runId'] === 'string');
  if (change === undefined) return [];
  const session = await sessions.for(String(change.params['runId']), route, scopeOf(change), signal);
  const allowed = await session.trespass(signal);
  return allowed.map(
    (call) =>
      `the session for this run may call ${call}, which its policy does not allow: the policy is not in force; see docs/aws.md on the role`,
  );
}

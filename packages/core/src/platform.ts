import type { AnyChangeKind, Change } from './change.ts';
import type { Deployment } from './service.ts';
import type { Slice } from './slice.ts';
import type { TwinFault, TwinOf, TwinOrder, TwinState } from './twin.ts';

export type Arm = 'control' | 'experiment';
export const arms: readonly Arm[] = ['control', 'experiment'];
/** Where a request can end up. */
export type ClusterRole = 'production' | Arm;

/**
 * What a platform can do to an arm. A scenario names what it needs; the plan compares. `slice-rules`: Haldane's own router stands in the path,
 * so slices may shield, mirror, choose keys, keep users out and grow, and answers under a fault leave nothing in clients and caches.
 * `larger-control`: control may get a larger share than the experiment. A fault's mode: it can be made at a twin.
 */
export type Capability =
  | 'dependency-fault'
  | 'request-fault'
  | 'restart'
  | 'synthetic-reach'
  | 'slice-rules'
  | 'larger-control'
  | TwinFault['mode'];

/** What happens to calls: an arm's to a dependency, or those that enter an arm. `percent` of them, chosen by `seed`, meet it. */
export type DependencyFault = {
  readonly mode:
    | 'abort'
    | 'delay'
    | 'answer'
    | 'reset'
    | 'hang'
    | 'refuse'
    | 'slow'
    | 'truncate'
    | 'garble'
    | 'headers'
    | 'repeat'
    | 'wrong-name'
    | 'expired';
  /** abort, answer: the status; delay: unused. */
  readonly status?: number;
  /** delay: milliseconds before the call goes on to the real dependency; the mean where it is drawn. */
  readonly delayMs?: number;
  /** delay: how each call's is drawn, seeded. Default fixed. */
  readonly delay?: 'fixed' | 'uniform' | 'normal' | 'exponential';
  /** delay: half the width of a uniform one, the standard deviation of a normal one. */
  readonly spreadMs?: number;
  /** slow: how fast the real answer's body leaves. Default 1024. */
  readonly bytesPerSecond?: number;
  /** truncate: how much of the real answer's body leaves before the connection breaks. Default 0. */
  readonly afterBytes?: number;
  /** headers: said in the real answer in place of what it says; a wrong content type is one of these. */
  readonly setHeaders?: readonly { readonly name: string; readonly value: string }[];
  /** headers: taken out of the real answer. */
  readonly removeHeaders?: readonly string[];
  /** repeat: how often a call without body is sent beside the first time. Default 2. */
  readonly times?: number;
  /** answer: the body in place of the real one. */
  readonly body?: string;
  readonly contentType?: string;
  readonly percent?: number;
  readonly seed?: string;
};

/** What of that can happen to requests on their way from the router to an arm: not what is met by a client's connection, and no repetition. */
export const requestFaultModes = ['abort', 'delay', 'answer', 'reset', 'hang', 'slow', 'truncate', 'garble', 'headers'] as const;
export type RequestFault = DependencyFault & { readonly mode: (typeof requestFaultModes)[number] };

export type HostFault = { readonly mode: 'restart' };

export type InstanceState = { readonly name: string; readonly address: string; readonly healthy: boolean; readonly restarts: number };
export type ClusterState = {
  readonly name: string;
  readonly revision: string;
  /** What whoever deployed it calls that revision, where the platform itself knows it; absent: it does not. */
  readonly commit?: string;
  readonly instances: readonly InstanceState[];
};

/** How an arm is connected: each dependency through a proxy of that arm's own, named so that a fault can find it. */
export type Wiring = {
  /** The proxies to make before the arm is launched. */
  readonly changes: readonly Change[];
  readonly dependencies: readonly { readonly dependency: string; readonly proxy: string }[];
};

export type RouteState = {
  readonly route: string;
  readonly address: string;
  readonly production: { readonly healthy: number; readonly instances: number };
  /** Requests a second over the last minute at most; null when nothing was measured yet. */
  readonly requestsPerSecond: number | null;
  /** Runs that have something on this route, and the share that each of their arms gets. */
  readonly slices: readonly { readonly runId: string; readonly share: number }[];
};

/** How a synthetic request enters an arm: where to send it and the signed headers that let it in. Holds a secret. */
export type Reach = { readonly url: string; readonly headers: Readonly<Record<string, string>> };

export interface ClusterProvider {
  /** The cluster as it is now, or null when there is none by that name. */
  describe(name: string, signal: AbortSignal): Promise<ClusterState | null>;
  /** What is being done to the cluster by its own platform, each in words; empty: nothing, or there is none by that name. Absent: nothing ever is. */
  rolling?(name: string, signal: AbortSignal): Promise<readonly string[]>;
  /** A change that launches an arm equal to the source. Pure. */
  launch(deployment: Deployment, arm: Arm, wiring: Wiring, runId: string, instances: number): Change;
}

export interface TrafficRouter {
  describe(route: string, signal: AbortSignal): Promise<RouteState | null>;
  /** A change that lets synthetic requests reach the arms; no user is moved. Pure. */
  attach(deployment: Deployment, runId: string, standsOn: readonly string[]): Change;
  /** A change that gives each arm a share of real users. Pure. */
  slice(deployment: Deployment, runId: string, slice: Slice): Change;
  /** How synthetic requests of this run enter an arm, once `attach` was made. */
  reach(deployment: Deployment, runId: string, arm: Arm, signal: AbortSignal): Promise<Reach>;
}

export interface FaultPlane {
  readonly can: readonly Capability[];
  /** What an arm must be launched with so that faults can reach it later. Pure. */
  wire(deployment: Deployment, arm: Arm, runId: string): Wiring;
  /** A fault on one arm's calls to a dependency. Pure. */
  dependency(runId: string, arm: Arm, dependency: string, fault: DependencyFault): Change;
  /** A fault on what enters one arm, real and synthetic requests alike. Pure. */
  request(deployment: Deployment, runId: string, arm: Arm, fault: RequestFault): Change;
  host(runId: string, arm: Arm, fault: HostFault): Change;
  /** Calls the dependency as the arm does, and says what came back: the effect and heal probe. Changes nothing. */
  probe(runId: string, arm: Arm, dependency: string, signal: AbortSignal): Promise<DependencyProbe>;
  /** Absent: nothing here can have a twin. */
  readonly twins?: TwinPlane;
}

/** Twins of what a service has beside its instances: made, harmed and taken away by the run, while the service's own is only read. */
export interface TwinPlane {
  /** A change that makes the arm's twin. Pure. */
  make(deployment: Deployment, runId: string, arm: Arm, order: TwinOrder): Change;
  /** A fault at the arm's twin. Pure. */
  fault(deployment: Deployment, runId: string, arm: Arm, order: TwinOrder, fault: TwinFault): Change;
  /** The arm's twin as it stands; null when it does not. */
  describe(deployment: Deployment, runId: string, arm: Arm, order: TwinOrder, signal: AbortSignal): Promise<TwinState | null>;
  /** In words, what uses the arm's twin, which nothing may; null when nothing does, or it does not stand. */
  usedBy(runId: string, arm: Arm, order: TwinOrder, signal: AbortSignal): Promise<string | null>;
  /** Whether what this fault does is to be seen at the twin of `arm`: the effect and heal probe. Changes nothing. Throws `gone` without a twin. */
  probe(fault: Change, arm: Arm, signal: AbortSignal): Promise<DependencyProbe>;
}

/** `faulted` is the proxy's own word on whether this call met a fault, or what a twin's settings say; `seen` is what the caller got. */
export type DependencyProbe = { readonly faulted: boolean; readonly seen: string };

/** What a plan says of a platform's own ways: who holds its caps (by their names), what to know, and why not. */
export type Advice = {
  readonly caps: readonly { readonly name: string; readonly enforcedBy: string }[];
  readonly notes: readonly string[];
  readonly refusals: readonly string[];
};

/** By which names a balancer's own metrics know it, and the groups of targets behind a route. */
export type Meters = { readonly balancer: string; readonly groups: Readonly<Record<ClusterRole, readonly string[]>> };

/** Calls of each arm to its dependencies in one second, and those of them that met a fault. */
export type Contacts = { readonly dependencyCalls: Readonly<Record<Arm, number>>; readonly met: Readonly<Record<Arm, number>> };

/** Where clusters run and traffic is routed. */
export interface Platform {
  readonly id: string;
  readonly clusters: ClusterProvider;
  readonly traffic: TrafficRouter;
  readonly faults: FaultPlane;
  readonly changeKinds: readonly AnyChangeKind[];
  /** How long after a revert the platform may still show what was there before. */
  readonly settleMs: number;
  /**
   * How long one change is tried to be made, arms may take to become healthy, and restoring until a person is told; absent: what processes
   * of one machine need.
   */
  readonly patience?: { readonly applyMs: number; readonly readyMs: number; readonly restoreMs: number };
  /** Whether Haldane's own routers stand in this route, so that `metrics: router` counts what enters the arms; absent: in every one. */
  isRouted?(route: string): boolean;
  /** For a plan of these changes that takes at most so many seconds. Reads only. */
  advise?(deployment: Deployment, changes: readonly Change[], seconds: number, signal: AbortSignal): Promise<Advice>;
  /** Why these changes cannot be made here, in words for the owner; empty when they can. Reads only. */
  refusals(deployment: Deployment, signal: AbortSignal, changes?: readonly Change[]): Promise<readonly string[]>;
  /**
   * What arms called and met, counted where their faults are made when that is not where traffic is counted; of seconds after `after`. Null:
   * nothing is counted there for this run. Throws when somebody who counts does not answer.
   */
  contacts?(runId: string, after: number, signal: AbortSignal): Promise<{ readonly through: number; of(at: number): Contacts } | null>;
  /**
   * By which names the balancer's own metrics know who serves the route; without a run, of production alone. Throws `refused` where users do not come to the
   * arms by a balancer that counts them, `gone` while something of it is not there. Absent where no balancer has metrics.
   */
  meters?(deployment: Deployment, runId: string | null, signal: AbortSignal): Promise<Meters>;
  /**
   * Renews every effect of the run until `until` (epoch ms), never beyond it. Called only after the run's own lease was. Nobody is asked about twins
   * of another kind than the run makes (null: it makes none); absent: that is not known, and about all of them.
   */
  renew(runId: string, until: number, signal: AbortSignal, twinOf?: TwinOf | null): Promise<void>;
  /** What of this run is still there, in words; empty when the world is whole. Of twins as with `renew`. */
  leftovers(runId: string, signal: AbortSignal, twinOf?: TwinOf | null): Promise<readonly string[]>;
}

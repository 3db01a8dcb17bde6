import type { Clock } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';
import type { SideDoors } from './side-doors.ts';
import type { ReadConnections, Sidecars } from './sidecars.ts';

/** What everything on this platform works with. */
export type AwsWorld = {
  readonly calls: AwsCalls;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** How long what was written may take to be seen in every place that AWS answers from. */
  readonly settleMs: number;
  /** How long requests that entered an arm before its slice went may take to leave it: the balancer does not say when they have. */
  readonly leaveMs: number;
  /** Routers beside the instances of arms; null: instances are launched without. */
  readonly sidecars: Sidecars | null;
  /** Routers of ours that a balancer may send a run's share to; null: there are none. */
  readonly sideDoors: SideDoors | null;
  /** Where the dependencies of the run's service are. */
  readonly connections: ReadConnections;
  /** Until when (epoch ms) a resource of this run that is made now is its own; after that a sweep may end it. */
  expiresFor(runId: string): number;
};

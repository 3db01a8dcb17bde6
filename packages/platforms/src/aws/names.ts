import { createHash } from 'node:crypto';
import type { Arm } from '@haldane/core';

/** As everywhere in Haldane: whoever knows the run finds its clusters. An Auto Scaling group may be called so. */
export const armClusterName = (runId: string, arm: Arm): string => `${runId}.${arm}`;

/** Target groups have at most 32 characters, letters, digits and dashes: a run's id that does not fit is shortened to its hash. */
export function targetGroupName(runId: string, arm: Arm): string {
  const plain = `haldane-${runId}-${arm}`;
  if (plain.length <= 32 && /^[A-Za-z0-9-]+$/.test(plain)) return plain;
  return `hal-${createHash('sha256').update(runId).digest('hex').slice(0, 16)}-${arm}`;
}

/** A launch template of the run's own, for one arm. */
export const templateName = (runId: string, arm: Arm): string => `haldane-${runId}-${arm}`;
/** What is not an arm's but an arm's twin of something; no two kinds of resource share their names. Lower-case as runs' ids are: a bucket may be called so. */
export const twinName = (runId: string, arm: Arm): string => `haldane-${runId}-${arm}`;
/** Names the dependency's proxy at every sidecar of the arm. */
export const proxyName = (runId: string, arm: Arm, dependency: string): string => `${runId}.${arm}.${dependency}`;

export const targetGroupChangeId = (arm: Arm): string => `targets:${arm}`;
export const templateChangeId = (arm: Arm): string => `template:${arm}`;
export const twinChangeId = (arm: Arm): string => `twin:${arm}`;
export const clusterChangeId = (arm: Arm): string => `cluster:${arm}`;
export const attachChangeId = 'attach';

/** Roles and policies of runs' own are found, and rights to them given, by this path. */
export const twinPath = '/haldane/';
/** AWS's own policy that denies everything: as a role's boundary it leaves it no right, whatever it is given. */
export const denyingBoundary = 'arn:aws:iam::aws:policy/AWSDenyAll';

import type { ClusterState, Deployment, Platform, Release, Run } from '@haldane/core';
import type { World } from './world.ts';

/** Asks the pipeline what is live, and the platform which revision of it really runs. */
export async function interrogate(world: World, run: Run, signal: AbortSignal): Promise<Deployment> {
  const said = await world.pipeline.interrogate({ service: run.service, environment: run.environment }, signal);
  return asItRuns(said, world.platform, signal);
}

/**
 * The deployment with the revision and size that the platform runs, and what is being done to it there. A file that was edited since, or a commit that was
 * not deployed, is not live; an experiment is about what is.
 */
export async function asItRuns(deployment: Deployment, platform: Platform, signal: AbortSignal): Promise<Deployment> {
  const [live, rolling] = await Promise.all([
    platform.clusters.describe(deployment.source, signal),
    platform.clusters.rolling?.(deployment.source, signal) ?? [],
  ]);
  if (live === null) return deployment;
  const commit = commitOf(live, deployment.release);
  return {
    ...deployment,
    revision: live.revision,
    instances: live.instances.length,
    ...(commit === undefined ? {} : { commit }),
    ...(rolling.length === 0 ? {} : { rolling, deployInProgress: true }),
  };
}

/**
 * The commit behind what runs: the platform's word, or else the pipeline's, if that is a commit. Two that differ are none, for then nobody knows
 * which of them runs.
 */
function commitOf({ commit }: ClusterState, release: Release | undefined): string | undefined {
  const released = release !== undefined && /^[0-9a-f]{7,64}$/.test(release.revision) ? release.revision : undefined;
  return commit === undefined || released === undefined || commit === released ? (commit ?? released) : undefined;
}

/** That a deploy is in progress, and which; null when none is. */
export function deployWords({ service, deployInProgress, release, rolling = [] }: Deployment): string | null {
  if (!deployInProgress) return null;
  const which = [...(release?.deploying ?? []), ...rolling];
  return `a deploy of ${service} is in progress${which.length > 0 ? ` (${which.join('; ')})` : ''}`;
}

/** Why the target is no longer the one that was planned for, by what the pipeline says and the platform runs now; null while it is. */
export function targetChanged(planned: Deployment, said: Deployment, live: ClusterState | null): string | null {
  const deploying = deployWords(said);
  if (deploying !== null) return deploying;
  if (said.source !== planned.source) return `${said.service} is now live as ${said.source}, the run began with ${planned.source}`;
  if (live === null) return `the production cluster ${planned.source} is gone`;
  if (live.revision !== planned.revision) return `${said.service} now runs ${live.revision}, the run began at ${planned.revision}`;
  const [now, before] = [said, planned].map(({ release }) => release?.revision ?? 'nothing');
  return now === before ? null : `${said.pipeline} now says ${now} of ${said.service}, the run began at ${before}`;
}

import type { Deployment, Platform, Run } from '@haldane/core';
import type { World } from './world.ts';

/** Asks the pipeline what is live, and the platform which revision of it really runs. */
export async function interrogate(world: World, run: Run, signal: AbortSignal): Promise<Deployment> {
  const said = await world.pipeline.interrogate({ service: run.service, environment: run.environment }, signal);
  return asItRuns(said, world.platform, signal);
}

/**
 * The deployment with the revision and size that the platform runs. A file that was edited since, or a commit that was not deployed, is not live;
 * an experiment is about what is.
 */
export async function asItRuns(deployment: Deployment, platform: Platform, signal: AbortSignal): Promise<Deployment> {
  const live = await platform.clusters.describe(deployment.source, signal);
  return live === null ? deployment : { ...deployment, revision: live.revision, instances: live.instances.length };
}

import type { Deployment, Run } from '@haldane/core';
import type { World } from './world.ts';

/** Asks the pipeline what is live. */
export function interrogate(world: World, run: Run, signal: AbortSignal): Promise<Deployment> {
  return world.pipeline.interrogate({ service: run.service, environment: run.environment }, signal);
}

/** Why the target is no longer the one that was planned for; null while it is. What is live is what the platform runs. */
export async function targetChanged(world: World, run: Run, signal: AbortSignal): Promise<string | null> {
  const planned = run.facts.deployment;
  if (planned === undefined) return null;
  const [now, live] = await Promise.all([interrogate(world, run, signal), world.platform.clusters.describe(planned.source, signal)]);
  if (now.deployInProgress) return `a deploy of ${now.service} is in progress`;
  if (live === null) return `the production cluster ${planned.source} is gone`;
  if (live.revision !== planned.revision) return `${now.service} now runs ${live.revision}, the run began at ${planned.revision}`;
  return null;
}

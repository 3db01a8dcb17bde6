import { HaldaneError, type RunStore } from '@haldane/core';
import type { ReadConnections } from '@haldane/platforms';
import { loadService } from '@haldane/runner';

/** Where the dependencies of a run's service are, read from its manifest each time: what is stored of a run does not hold that. */
export function connectionsOf(runs: RunStore, env: Readonly<Record<string, string>>): ReadConnections {
  return async (runId, signal) => {
    const run = await runs.get(runId);
    if (run === null) throw new HaldaneError('not-found', `there is no run ${runId}`);
    return (await loadService(run.experiment.manifest, env, signal)).connections;
  };
}

import { HaldaneError, type RunStore } from '@haldane/core';
import type { ReadConnections } from '@haldane/platforms';
import { loadService } from '@haldane/runner';

/**
 * Where the dependencies of a run's service are, read from its manifest each time: what is stored of a run does not hold that. `permitFile` is
 * asked before.
 */
export function connectionsOf(
  runs: RunStore,
  env: Readonly<Record<string, string>>,
  permitFile: (file: string) => Promise<void>,
): ReadConnections {
  return async (runId, signal) => {
    const run = await runs.get(runId);
    if (run === null) throw new HaldaneError('not-found', `there is no run ${runId}`);
    await permitFile(run.experiment.manifest);
    return (await loadService(run.experiment.manifest, env, signal)).connections;
  };
}

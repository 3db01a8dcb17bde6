import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, HaldaneError } from '@haldane/core';
import { type KeptInstance, readInstance } from './instances.ts';
import { writeJsonFile } from './keeper/json-file.ts';
import { type InstanceControl, instanceFiles } from './keeper/order.ts';
import { endGroup } from './keeper/process-group.ts';
import { processStart } from './keeper/process-start.ts';

const pollMs = 25;
/** SIGTERM, its grace, SIGKILL and some more. */
const keeperMs = 6000;

/**
 * Ends an instance and removes its folder; one that is gone is no error. Its keeper does it while it lives; else we end the
 * process that its record names, if it is still that very process. Throws `not-restored` when even SIGKILL did not end it.
 */
export async function endInstance(instance: KeptInstance, clock: Clock, signal: AbortSignal): Promise<void> {
  if (instance.isKept) tell(instance, { end: true });
  const since = clock.now();
  const keeper = instance.isKept ? instance.record : null;
  // Not until the folder is gone, but until the keeper is: it removes the folder a moment before it ends.
  while (keeper !== null && processStart(keeper.keeperPid) === keeper.keeperStart) {
    // One that does not react (stopped, swapped out) is itself ended; then its instance is ours to end.
    if (clock.now() - since > keeperMs) process.kill(keeper.keeperPid, 'SIGKILL');
    await clock.sleep(pollMs, signal);
  }
  const { record, isRunning } = readInstance(instance.name, instance.folder);
  if (isRunning && record !== null && record.pid !== null) {
    const ended = await endGroup({ pid: record.pid, pidStart: record.pidStart }, 2000, (ms) => clock.sleep(ms));
    if (!ended)
      throw new HaldaneError('not-restored', `instance ${instance.name} of cluster ${record.cluster} does not end, even by SIGKILL`);
  }
  rmSync(instance.folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Asks an instance's keeper for something. Does nothing when the folder is just going away. */
export function tell(instance: KeptInstance, control: InstanceControl): void {
  try {
    writeJsonFile(join(instance.folder, instanceFiles.control), control);
  } catch (error) {
    if (existsSync(instance.folder)) throw error;
  }
}

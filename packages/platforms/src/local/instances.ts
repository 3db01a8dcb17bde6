import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonFile } from './keeper/json-file.ts';
import { type InstanceLease, type InstanceRecord, instanceFiles } from './keeper/order.ts';
import { isGroupAlive } from './keeper/process-group.ts';
import { processStart } from './keeper/process-start.ts';
import type { Layout } from './layout.ts';

/** An instance as its folder tells. `record` is null while its keeper has only just made the folder. */
export type KeptInstance = {
  readonly name: string;
  readonly folder: string;
  readonly record: InstanceRecord | null;
  readonly until: number | null;
  /** Somebody enforces its lease. */
  readonly isKept: boolean;
  /** Its service has a process. */
  readonly isRunning: boolean;
};

/** Folders of a cluster's instances, in order of name; empty when there is no such cluster. */
export function instancesOf(layout: Layout, cluster: string): readonly KeptInstance[] {
  return foldersIn(layout.cluster(cluster)).map((name) => readInstance(name, layout.instance(cluster, name)));
}

export function readInstance(name: string, folder: string): KeptInstance {
  const record = readJsonFile<InstanceRecord>(join(folder, instanceFiles.state));
  const lease = readJsonFile<InstanceLease>(join(folder, instanceFiles.lease));
  return {
    name,
    folder,
    record,
    until: lease?.until ?? null,
    isKept: record !== null && record.keeperStart !== null && processStart(record.keeperPid) === record.keeperStart,
    isRunning: record !== null && record.pid !== null && isGroupAlive({ pid: record.pid, pidStart: record.pidStart }),
  };
}

/** Names of the folders in a folder, in order; empty when it is not there. */
export function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

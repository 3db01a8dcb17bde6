import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Arm, LaunchRecipe } from '@haldane/core';
import { readJsonFile, writeJsonFile } from './keeper/json-file.ts';
import type { Layout } from './layout.ts';

/** `cluster.json`. Only production's holds a recipe (with the service's secrets); the arms' instances got theirs in memory. */
export type ClusterRecord = {
  readonly name: string;
  readonly role: 'production' | Arm;
  readonly runId: string | null;
  readonly revision: string;
  readonly instances: readonly string[];
  readonly recipe: LaunchRecipe | null;
  /** An arm's: the production cluster that it was launched from. */
  readonly source: string | null;
};

const fileName = 'cluster.json';

export function readClusterRecord(layout: Layout, name: string): ClusterRecord | null {
  return readJsonFile<ClusterRecord>(join(layout.cluster(name), fileName));
}

/** For production, which outlives everybody, makes the folder too; an arm's folder belongs to its keepers and must be there. */
export function writeClusterRecord(layout: Layout, record: ClusterRecord): void {
  if (record.role === 'production') mkdirSync(layout.cluster(record.name), { recursive: true, mode: 0o700 });
  writeJsonFile(join(layout.cluster(record.name), fileName), record);
}

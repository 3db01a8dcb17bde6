import { join } from 'node:path';
import { HaldaneError } from '@haldane/core';

/** Where the local platform keeps what it knows, by name: all of it below `<dataDir>/local`, readable by us alone. */
export type Layout = {
  readonly clusters: string;
  readonly runs: string;
  cluster(name: string): string;
  instance(cluster: string, instance: string): string;
  run(runId: string): string;
};

export function layoutOf(dataDir: string): Layout {
  const clusters = join(dataDir, 'local', 'clusters');
  const runs = join(dataDir, 'local', 'runs');
  return {
    clusters,
    runs,
    cluster: (name) => join(clusters, safe(name)),
    instance: (cluster, instance) => join(clusters, safe(cluster), safe(instance)),
    run: (runId) => join(runs, safe(runId)),
  };
}

/** Names become folders: one that could lead out of its folder is refused. */
function safe(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(name)) return name;
  throw new HaldaneError(
    'bad-request',
    `the name "${name}" cannot be used on the local platform: letters, digits, dots, dashes and underscores, beginning with a letter or digit`,
  );
}

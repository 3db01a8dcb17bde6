import { join } from 'node:path';

/** Where a run's page and its exported evidence are written. */
export function reportPaths(dataDir: string, runId: string): { readonly html: string; readonly json: string } {
  return { html: join(dataDir, 'reports', `${runId}.html`), json: join(dataDir, 'reports', `${runId}.json`) };
}

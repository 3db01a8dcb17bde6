import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HaldaneError, messageOf } from '@haldane/core';
import { conform, type RouteConfig, type Schema, schemas } from '@haldane/dataplane';

/** Where a running router is found. */
export type RouterFile = { readonly id: string; readonly pid: number; readonly startTime: string; readonly adminPort: number };

const routerFile = (stateDir: string) => join(stateDir, 'router.json');
const servedFile = (stateDir: string) => join(stateDir, 'served.json');
const haltFile = (stateDir: string) => join(stateDir, 'halt.json');
const routesFile = (stateDir: string) => join(stateDir, 'routes.json');

/** The router that this folder says is there, dead or alive; null when none ever was. */
export function readRouterFile(stateDir: string): RouterFile | null {
  return readJson(routerFile(stateDir)) as RouterFile | null;
}
export function writeRouterFile(stateDir: string, file: RouterFile): void {
  writeJson(routerFile(stateDir), file);
}
export function removeRouterFile(stateDir: string): void {
  rmSync(routerFile(stateDir), { force: true });
}

/** Routes to serve again after a restart: production only. */
export function readRoutes(stateDir: string): readonly RouteConfig[] {
  const stored = readJson(routesFile(stateDir));
  if (stored === null) return [];
  if (!Array.isArray(stored))
    throw new HaldaneError('bad-document', `${routesFile(stateDir)} must hold a list of routes: remove it to start with none`);
  return stored.map((route, i) => conform<RouteConfig>(schemas.route, route, `routes[${i}]`));
}
export function writeRoutes(stateDir: string, routes: readonly RouteConfig[]): void {
  writeJson(routesFile(stateDir), routes);
}

/** A run that had a slice here, and when it got it (epoch ms). Nothing else of a run is kept: its key lives in memory only (law 12). */
export type ServedRun = { readonly runId: string; readonly at: number };

const servedSchema: Schema = {
  type: 'object',
  required: ['runId', 'at'],
  additionalProperties: false,
  properties: { runId: schemas.runId, at: { type: 'number', minimum: 0 } },
};

/** Runs that earlier lives of the router served: what those spent of their budgets is not known, so all of it counts as spent. */
export function readServedRuns(stateDir: string): readonly ServedRun[] {
  const stored = readJson(servedFile(stateDir));
  if (stored === null) return [];
  if (!Array.isArray(stored))
    throw new HaldaneError('bad-document', `${servedFile(stateDir)} must hold a list of runs: remove it once none of them is under way`);
  return stored.map((run, i) => conform<ServedRun>(servedSchema, run, `served[${i}]`));
}
export function writeServedRuns(stateDir: string, runs: readonly ServedRun[]): void {
  writeJson(servedFile(stateDir), runs);
}

/** Why the router was halted, also when it was started again since; null when it was not. */
export function readHalt(stateDir: string): string | null {
  const stored = readJson(haltFile(stateDir)) as { readonly why?: unknown } | null;
  return stored === null ? null : String(stored.why);
}
export function writeHalt(stateDir: string, why: string | null): void {
  if (why === null) rmSync(haltFile(stateDir), { force: true });
  else writeJson(haltFile(stateDir), { why });
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HaldaneError('bad-document', `${path} is not JSON: remove it (${messageOf(error)})`, { cause: error });
  }
}

/** Whole or not at all, and for nobody else's eyes. */
function writeJson(path: string, value: unknown): void {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}.next`;
  writeFileSync(next, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { HaldaneError } from '@haldane/core';
import { processStart } from './process-start.ts';
import { type RouterFile, readRouterFile } from './state-files.ts';

export type SpawnedRouter = RouterFile & { readonly adminUrl: string; readonly adopted: boolean };

/**
 * The router of this folder: the one that is alive, or a new process that outlives this one. The token goes through the
 * child's stdin; what it has to say goes to `router.log` in the folder. Throws `unavailable` when it does not get ready in `withinMs`.
 */
export async function spawnRouter(options: {
  readonly stateDir: string;
  readonly token: string;
  readonly lingerMs?: number;
  readonly withinMs?: number;
}): Promise<SpawnedRouter> {
  const alive = liveRouter(options.stateDir);
  if (alive) return { ...alive, adopted: true };
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  const log = openSync(join(options.stateDir, 'router.log'), 'a', 0o600);
  const linger = options.lingerMs === undefined ? [] : ['--linger-ms', String(options.lingerMs)];
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./main.js', import.meta.url)), '--state-dir', options.stateDir, '--token-stdin', ...linger],
    {
      detached: true,
      stdio: ['pipe', 'pipe', log],
      cwd: options.stateDir,
    },
  );
  closeSync(log);
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new HaldaneError('internal', 'the router was started without pipes');
  const ready = new Promise<RouterFile>((resolve, reject) => {
    const tooLate = () =>
      reject(new HaldaneError('unavailable', `the router did not get ready; see ${join(options.stateDir, 'router.log')}`));
    const timer = setTimeout(tooLate, options.withinMs ?? 15_000);
    child.once('error', reject);
    child.once('exit', () =>
      reject(new HaldaneError('unavailable', `the router ended at its start; see ${join(options.stateDir, 'router.log')}`)),
    );
    createInterface({ input: stdout }).once('line', (line) => resolve(JSON.parse(line) as RouterFile));
    child.once('exit', () => clearTimeout(timer));
    stdout.once('data', () => clearTimeout(timer));
  });
  stdin.on('error', () => undefined);
  stdin.end(options.token);
  try {
    const file = await ready;
    return {
      id: file.id,
      pid: file.pid,
      startTime: file.startTime,
      adminPort: file.adminPort,
      adminUrl: `http://127.0.0.1:${file.adminPort}`,
      adopted: false,
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    stdout.destroy();
    child.unref();
  }
}

/** The router that serves this folder now, or null. A pid that another process got since does not count. */
export function liveRouter(stateDir: string): (RouterFile & { readonly adminUrl: string }) | null {
  const file = readRouterFile(stateDir);
  if (!file || processStart(file.pid) !== file.startTime) return null;
  return { ...file, adminUrl: `http://127.0.0.1:${file.adminPort}` };
}

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Deployment, LaunchRecipe } from '@haldane/core';
import { DataplaneClient } from '@haldane/dataplane';

const routerProgram = fileURLToPath(new URL('../../../../../services/router/dist/main.js', import.meta.url));

/** A tiny service: says who it is, what its environment holds, what its dependency answers; dies when asked to. */
const serviceText = `
import { createServer } from 'node:http';
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { readFileSync, writeFileSync } from 'node:fs';
console.log('started on', process.env.PORT);
if (process.env.FAIL) { console.error('cannot start with', process.env.SECRET); process.exit(7); }
writeFileSync('mine.txt', String(process.pid));
createServer((request, response) => {
  if (request.url === '/healthz') return void response.end('ok');
  if (request.url === '/env') return void response.end(JSON.stringify(process.env));
  if (request.url === '/pid') return void response.end(String(process.pid));
  if (request.url === '/die') { response.end('bye'); return void setImmediate(() => process.exit(3)); }
  if (request.url === '/call') {
    const url = process.env.KEYS_URL;
    const ca = process.env.TRUST ? { ca: readFileSync(process.env.TRUST) } : {};
    const asked = (url.startsWith('https') ? httpsGet : httpGet)(url, { agent: false, ...ca }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => { text += chunk; });
      answer.on('end', () => response.end(answer.statusCode + ' ' + text));
    });
    asked.on('error', (error) => response.end('error ' + error.code));
    return;
  }
  response.end('hello ' + process.env.NAME);
}).listen(Number(process.env.PORT), '127.0.0.1');
`;

export type Sandbox = {
  readonly folder: string;
  readonly dataDir: string;
  recipe(changes?: Partial<LaunchRecipe>): LaunchRecipe;
  deployment(changes?: Partial<Deployment>): Deployment;
  /** A router of its own, as a process; ends with the sandbox. */
  router(env?: Record<string, string>): Promise<{ readonly dataplane: DataplaneClient; readonly token: string }>;
  /** Ids of all living processes that were started from this sandbox's folder: keepers and services. */
  processes(): readonly number[];
  /** Ends what is left and removes the folder; the processes that were still there. */
  end(): Promise<readonly number[]>;
};

/** A folder with a small service in it, and a way to see every process that came out of it. */
export function makeSandbox(): Sandbox {
  spawnPlainly();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'haldane-local-')));
  const dataDir = join(folder, 'data');
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'service.mjs'), serviceText);
  const routers: { readonly pid: number; end(): void }[] = [];
  const ref = { service: 'greeter', environment: 'test' };
  const sandbox: Sandbox = {
    folder,
    dataDir,
    recipe: (changes = {}) => ({
      ...ref,
      revision: 'r1',
      command: ['node', 'src/service.mjs', join(folder, 'marker')],
      cwd: folder,
      env: { SECRET: 'canary-5a1f0c' },
      portEnv: 'PORT',
      instanceEnv: 'NAME',
      health: { path: '/healthz', withinMs: 15_000 },
      instances: 1,
      route: { name: 'greeter', port: 0 },
      dependencies: [],
      intakeOff: {},
      ...changes,
    }),
    deployment: (changes = {}) => ({
      ...ref,
      owner: { team: 'greeters', contact: 'greeters@example.org' },
      pipeline: 'manifest',
      platform: 'local',
      revision: 'r1',
      source: 'greeter.test.production',
      instances: 1,
      route: 'greeter',
      dependencies: [],
      intake: [],
      intakeDeclared: true,
      synthetic: { identities: [], requests: [], jwksUrl: null, heartbeat: null },
      optIn: [],
      deployInProgress: false,
      ...changes,
    }),
    async router(env = {}) {
      const token = randomBytes(16).toString('hex');
      const stateDir = join(folder, `router-${routers.length}`);
      const child = spawn(process.execPath, [routerProgram, '--state-dir', stateDir, '--token-stdin', '--linger-ms', '60000'], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env,
      });
      routers.push({ pid: child.pid ?? 0, end: () => child.kill('SIGKILL') });
      child.stdin.end(token);
      const line = await new Promise<string>((resolve, reject) => {
        createInterface({ input: child.stdout }).once('line', resolve);
        child.once('exit', () => reject(new Error('the router ended at its start')));
      });
      const { adminPort } = JSON.parse(line) as { adminPort: number };
      return { dataplane: new DataplaneClient({ url: `http://127.0.0.1:${adminPort}`, token }), token };
    },
    processes: () => living(folder).filter((pid) => routers.every((router) => router.pid !== pid)),
    async end() {
      for (const router of routers) router.end();
      const left = sandbox.processes();
      for (const pid of left) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // it ended by itself meanwhile
        }
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      return left;
    },
  };
  return sandbox;
}

/** Linux: every process whose command line names something in the folder. */
function living(folder: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
      } catch {
        return false;
      }
    });
}

/** Looks until it is so; fails with the words after 20 s. */
export async function until(words: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > limit) throw new Error(`waited 20 s in vain: ${words}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** tap puts itself into the environment of every child process; these tests look at environments. */
function spawnPlainly(): void {
  const hook = (globalThis as { [key: symbol]: { listeners: unknown[] } | undefined })[Symbol.for('process-on-spawn@*:singletonId')];
  hook?.listeners.splice(0);
}

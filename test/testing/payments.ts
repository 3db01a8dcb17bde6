import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HaldaneClient } from '@haldane/client';
import { type PaymentsEnvironment, startSurroundings } from '@haldane/example-payments';
import { readConfig, type Stack, type StackOptions, startStack } from '@haldane/standalone';
import { startLoad } from './load.ts';
import type { Room } from './room.ts';

const example = fileURLToPath(new URL('../../examples/payments/', import.meta.url));

export type House = {
  readonly client: HaldaneClient;
  readonly stack: Stack;
  readonly dataDir: string;
  readonly env: PaymentsEnvironment;
  /** Writes files that a test made up beside each other: a manifest of the build, and an experiment on it. Returns the experiment's path. */
  write(name: string, files: { readonly manifest: string; readonly experiment: string }): Promise<string>;
  load(address: string, rate: number): ReturnType<typeof startLoad>;
};

/** A whole Haldane with the payments example's identity provider, detectors and database, in this room. */
export async function paymentsHouse(room: Room, options: Partial<StackOptions> = {}): Promise<House> {
  const port = await freePort();
  const alertToken = crypto.randomUUID();
  const surroundings = await startSurroundings({
    dataDir: await room.passable('payments'),
    webhookUrl: (receiver) => `http://127.0.0.1:${port}/alerts/${receiver}?token=${alertToken}`,
  });
  room.onLeave(() => surroundings.stop());
  const dataDir = join(room.folder, 'data');
  const env = { ...readConfig(process.env).env, ...surroundings.env, ...options.env };
  const stack = await startStack({ ephemeral: true, databaseUrl: null, ...options, dataDir, port, alertToken, env });
  room.onLeave(() => stack.stop());
  return {
    client: new HaldaneClient(stack.access),
    stack,
    dataDir,
    env: surroundings.env,
    async write(name, { manifest, experiment }) {
      const folder = join(room.folder, 'files', name);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'service.yaml'), manifest);
      await writeFile(join(folder, 'experiment.yaml'), experiment);
      return join(folder, 'experiment.yaml');
    },
    async load(address, rate) {
      const load = await startLoad(address, rate, surroundings.env);
      room.onLeave(() => load.stop());
      return load;
    },
  };
}

/** The example's manifest of a build as a service of another name, opted in to more, to be read from any folder. */
export async function manifestOf(build: string, service: string, optIn: readonly string[] = []): Promise<string> {
  const text = await readFile(join(example, build, 'service.yaml'), 'utf8');
  return text
    .replaceAll(`payments-${build}`, service)
    .replace(/^optIn: \[/m, `optIn: [${optIn.map((one) => `${one}, `).join('')}`)
    .replace('cwd: ..', `cwd: ${example}`)
    .replace(/route: \{.*\}/, 'route: { port: 0 }')
    .replace('  portEnv:', '  revision: test\n  portEnv:');
}

/** An experiment with short times. `more` is further YAML; `slowerThan`: how slow an answer is a failure. */
export function experimentOf(name: string, scenario: string, watchSeconds: number, more = '', slowerThan = '5s'): string {
  return `name: ${name}
service: service.yaml
scenario: ${scenario}
share: 20%
traffic: 100/s
baseline: 5s
watch: ${watchSeconds}s
probes: { legitimate: 5/s, hostile: 20/s }
budget: { failures: 20, slowerThan: ${slowerThan} }
${more}`;
}

export const keysAway = '{ id: idp-jwks-unavailable, params: { dependency: identity-keys, mode: "503", keyCacheSeconds: 5s } }';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

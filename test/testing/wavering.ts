import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oneCaller } from './one-caller.ts';

const program = fileURLToPath(new URL('wavering-service.mjs', import.meta.url));

/** What is asked of a service that fails now and then, and how it is watched. */
export type Wavering = {
  /** Failures of a request while it has its keys, and without them. */
  readonly well: number;
  readonly ill: number;
  /** Requests a second on its route, and the share of them that each arm gets. */
  readonly traffic: number;
  readonly share: number;
  readonly watchSeconds: number;
  /** How many failures the run may cause; so many that it is never stopped by them when it is not given. */
  readonly budget?: number;
};

/** Writes a manifest of the service that wavers, and an experiment that takes its keys away. It needs TINY_TOKEN and KEYS_URL. */
export async function writeWavering(
  folder: string,
  service: string,
  { well, ill, traffic, share, watchSeconds, budget = 400 }: Wavering,
): Promise<{ readonly manifest: string; readonly experiment: string }> {
  await mkdir(folder, { recursive: true });
  const files = { manifest: join(folder, 'service.yaml'), experiment: join(folder, 'experiment.yaml') };
  await writeFile(
    files.manifest,
    `service: ${service}
environment: test
owner: { team: tests, contact: nobody }
optIn: [idp-jwks-unavailable]
deploy:
  command: [node, ${program}]
  env: { WELL: "${well}", ILL: "${ill}" }
  revision: test
  health: { path: /healthz }
  secrets: [TINY_TOKEN]
route: { port: 0 }
dependencies:
  - { name: keys, env: KEYS_URL, url: "\${KEYS_URL}", as: http }
intake: []
${oneCaller('steady')}`,
  );
  await writeFile(
    files.experiment,
    `name: ${service}-keys
service: service.yaml
scenario: { id: idp-jwks-unavailable, params: { dependency: keys, keyCacheSeconds: 1s, mode: "503" } }
share: ${share * 100}%
traffic: ${traffic}/s
background: ${well * 100}%
baseline: 5s
watch: ${watchSeconds}s
probes: { legitimate: 2/s, hostile: 20/s, clean: 20 }
budget: { failures: ${budget} }
contact: 5
`,
  );
  return files;
}

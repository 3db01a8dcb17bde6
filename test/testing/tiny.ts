import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { oneCaller } from './one-caller.ts';

const program = fileURLToPath(new URL('tiny-service.mjs', import.meta.url));

export type Keys = {
  readonly url: string;
  /** A token that was signed with the one key. */
  readonly token: string;
  close(): Promise<void>;
};

/** Serves a key set with one key, from this process. */
export async function serveKeys(): Promise<Keys> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: 'RS256', kid: 'one', typ: 'JWT' })}.${part({ sub: 'synthetic', iat: now, exp: now + 86_400 })}`;
  const token = `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type TinyFiles = { readonly manifest: string; readonly experiment: string };

/** Writes a manifest of the tiny service and a short experiment on it. It needs TINY_TOKEN and KEYS_URL in Haldane's environment. */
export async function writeTiny(
  folder: string,
  options: {
    readonly optIn?: readonly string[];
    readonly watchSeconds?: number;
    readonly pipeline?: string;
    readonly exposure?: string;
    readonly name?: string;
  } = {},
): Promise<TinyFiles> {
  await mkdir(folder, { recursive: true });
  const files = { manifest: join(folder, 'service.yaml'), experiment: join(folder, 'experiment.yaml') };
  await writeFile(
    files.manifest,
    `service: tiny
environment: test
owner: { team: tests, contact: nobody }
optIn: [${(options.optIn ?? ['idp-jwks-unavailable']).join(', ')}]
deploy:
  command: [node, ${program}]
  revision: test
  health: { path: /healthz }
  secrets: [TINY_TOKEN]
route: { port: 0 }
dependencies:
  - { name: keys, env: KEYS_URL, url: "\${KEYS_URL}", as: http }
intake: []
${oneCaller('me')}${options.pipeline === undefined ? '' : `pipeline: ${options.pipeline}\n`}`,
  );
  await writeFile(
    files.experiment,
    `name: ${options.name ?? 'tiny-keys'}
service: service.yaml
scenario: { id: idp-jwks-unavailable, params: { dependency: keys, keyCacheSeconds: 1s } }
share: 20%
traffic: 20/s
baseline: 5s
watch: ${options.watchSeconds ?? 5}s
probes: { legitimate: 5/s, hostile: 20/s, clean: 20 }
budget: { failures: 5 }
${options.exposure === undefined ? '' : `exposure: ${options.exposure}\n`}`,
  );
  return files;
}

/**
 * Sixty users who keep their cookies and go on asking, thirty times a second together, until `stop`: so many that each arm has some.
 * Says how many requests got no answer.
 */
export function ask(url: string, token: string): { stop(): Promise<{ readonly sent: number; readonly lost: number }> } {
  let stopped = false;
  let sent = 0;
  let lost = 0;
  const user = async (turn: number) => {
    let cookie = '';
    await sleep(turn * 33);
    while (!stopped) {
      sent += 1;
      try {
        const answer = await fetch(new URL('/me', url), { headers: { authorization: `Bearer ${token}`, cookie } });
        cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
        await answer.text();
      } catch {
        lost += 1;
      }
      await sleep(2_000);
    }
  };
  const users = Array.from({ length: 60 }, (_, turn) => user(turn));
  return {
    async stop() {
      stopped = true;
      await Promise.all(users);
      return { sent, lost };
    },
  };
}

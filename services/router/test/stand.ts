import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type ClientRequest, createServer, type IncomingHttpHeaders, type RequestListener, request, type Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { DataplaneClient, type SliceConfig, signSynthetic } from '@haldane/dataplane';
import { createRouter, type RouterOptions } from '../src/router.ts';

type Teardown = { teardown(fn: () => unknown): void };
export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string; readonly whole: boolean };

export const secret = 'c0'.repeat(32);
export const newKey = () => randomBytes(16).toString('hex');
export const cookie = (key: string) => ({ cookie: `haldane_key=${key}` });
export const signed = (arm: 'control' | 'experiment', stream: 'legitimate' | 'hostile' | 'check' = 'legitimate') =>
  signSynthetic(secret, { runId: 'r1', arm, stream });

/** A real HTTP server on a free port, gone with the test. */
export async function upstream(t: Teardown, listener: RequestListener): Promise<{ url: string; port: number; server: Server }> {
  const server = createServer({ keepAliveTimeout: 30_000 }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, port, server };
}

/** Sends one request; `broken` instead of an answer when the connection broke before one began. */
export function ask(
  port: number,
  options: {
    path?: string;
    method?: string;
    headers?: Record<string, string | string[]>;
    body?: string;
    agent?: Agent;
    begun?: (request: ClientRequest) => void;
  } = {},
): Promise<Answer | 'broken'> {
  return new Promise((resolve) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path: options.path ?? '/',
        method: options.method ?? 'GET',
        headers: options.headers ?? {},
        agent: options.agent ?? false,
      },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => {
          body += piece;
        });
        answer.on('error', () => undefined);
        answer.on('close', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body, whole: answer.complete }));
      },
    );
    sent.on('error', () => resolve('broken'));
    options.begun?.(sent);
    sent.end(options.body);
  });
}

/** Waits for a fact, at most ten seconds. */
export async function until<T>(fact: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  const end = performance.now() + 10_000;
  for (;;) {
    const seen = await fact();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await wait(10);
  }
}

/** A small seeded generator of [0, 1): a walk may be long, but it is the same at each run. */
export function seeded(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Two clocks that move only when told. */
export class FakeTime {
  wall = 1_800_000_000_000;
  run = 0;
  now = () => this.wall;
  monotonic = () => this.run;
  pass(ms: number): void {
    this.wall += ms;
    this.run += ms;
  }
}

const token = 'a-token-for-tests-only';
/** A router in this process, with a client of its admin interface. */
export async function stand(t: Teardown, options: Partial<RouterOptions> = {}) {
  const router = await createRouter({ token, drainMs: 200, ...options });
  t.teardown(() => router.stop());
  return { router, client: new DataplaneClient({ url: router.adminUrl, token }), token };
}

export const sliceOf = (over: Partial<SliceConfig> & { cap?: number; limitMs?: number } = {}): SliceConfig => {
  const { cap, limitMs, ...rest } = over;
  return {
    runId: 'r1',
    name: 'main',
    share: 0.5,
    exposure: 'all',
    caps: { failures: cap ?? 1000, latencyLimitMs: limitMs ?? 5000, creditRate: 0 },
    ...rest,
  };
};

/** A route `pay` with production, control and experiment, the run `r1` attached. Each answers with its own name unless told otherwise. */
export async function standWithArms(
  t: Teardown,
  listeners: { production?: RequestListener; control?: RequestListener; experiment?: RequestListener } = {},
  options: Partial<RouterOptions> = {},
) {
  const names =
    (name: string): RequestListener =>
    (_request, response) =>
      response.end(name);
  const production = await upstream(t, listeners.production ?? names('production'));
  const control = await upstream(t, listeners.control ?? names('control'));
  const experiment = await upstream(t, listeners.experiment ?? names('experiment'));
  const base = await stand(t, options);
  const now = options.time?.now() ?? Date.now();
  const { port } = await base.client.putRoute({ route: 'pay', port: 0, production: [production.url] });
  const attachment = {
    runId: 'r1',
    route: 'pay',
    arms: { control: [control.url], experiment: [experiment.url] },
    secret,
    until: now + 60_000,
  };
  await base.client.attach(attachment);
  return { ...base, port, attachment, production, control, experiment };
}
export { Agent };

import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HaldaneClient } from '@haldane/client';
import { readAccess, startStack } from '@haldane/standalone';
import { startTestDatabase } from '@haldane/store/testing';
import { sampleExperiment } from '@haldane/testkit';
import fc from 'fast-check';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { openRoom } from '../testing/room.ts';
import { type ApiDocument, requestsOf } from './requests-of.ts';

const full = process.env['LANE'] === 'full';
const count = full ? 20_000 : 1_000;
allowSeconds(full ? 1_800 : 240);
const room = await openRoom();
after(() => room.leave());
const database = await startTestDatabase();
room.onLeave(() => database.stop());
const copy = await database.copy();
const dataDir = join(room.folder, 'data');
const many = { burst: 1_000_000, perSecond: 100_000 };
const secretInEnv = 'CANARY-env-5b1f0c77';
const stack = await startStack({
  dataDir,
  databaseUrl: null,
  port: 0,
  ephemeral: true,
  store: copy.store,
  env: { PATH: process.env['PATH'] ?? '', A_SECRET: secretInEnv },
  rates: { known: many, strangers: many },
});
room.onLeave(() => stack.stop());
const access = await readAccess(dataDir);
if (access === null) throw new Error('the stack wrote no access file');
const admin = new HaldaneClient(access);

/** Seeds the sample: the commit, or the day where git cannot tell. */
function seedOfCommit(): number {
  try {
    const head = execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number.parseInt(head.slice(0, 7), 16);
  } catch {
    return Math.floor(Date.now() / 86_400_000);
  }
}

const document = JSON.parse(await readFile(fileURLToPath(new URL('../../docs/openapi.json', import.meta.url)), 'utf8')) as ApiDocument;
const seed = seedOfCommit();

test(`${count} requests made from the API's own document (seed ${seed}): never a 500, never a secret`, async (t) => {
  const tokens = await Promise.all(
    (['viewer', 'operator', 'admin'] as const).map(async (role) =>
      admin.makeToken({ subject: role, grants: [{ role, team: role === 'operator' ? 'tests' : '*' }], lives: 86_400 }),
    ),
  );
  // A run for what reads runs; of a pool that nobody has, so that nobody drives it.
  const run = { id: 'run-1', service: 'payments', environment: 'test', experiment: sampleExperiment(), pool: 'nobody' };
  await copy.store.runs.create({ ...run, key: 'github:acme/pay/1/1' });
  await copy.store.services.register(run, { team: 'tests', contact: 'nobody' });
  const file = join(room.folder, 'secret.yaml');
  await writeFile(file, `name: x\nservice: s.yaml\nscenario: \${A_SECRET}\nwatch: \${A_SECRET}\n`);
  const routerToken = (await readFile(join(dataDir, 'router-token'), 'utf8')).trim();
  const signing = (await readFile(join(dataDir, 'signing/key.pem'), 'utf8')).split('\n')[1] ?? '';
  const secrets = [secretInEnv, routerToken, signing, access.alertToken, access.token, ...tokens.map(({ secret }) => secret)];
  const headers = [access.token, ...tokens.map(({ secret }) => secret), 'forged', ''].map((token) => `Bearer ${token}`);
  const requests = fc.sample(
    requestsOf(document, { files: [file, '/etc/passwd', room.folder, '/nowhere'], headers: [...headers, 'Basic x', '\t'] }),
    {
      numRuns: count,
      seed,
    },
  );
  const { port } = new URL(access.address);
  const seen = new Map<string, number>();
  let streams = 0;
  for (const request of requests) {
    const answer = await send(Number(port), request);
    const kind = `${Math.floor(answer.status / 100)}xx`;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (/text\/event-stream/.test(answer.head)) streams += 1;
    const what = `${request.method} ${request.target} ${request.body ?? ''}`.slice(0, 300);
    if (answer.status >= 500 && answer.status !== 503) t.fail(`${what}: ${answer.text.slice(0, 300)}`);
    // A token that was just made is shown to its maker, and that is none of these.
    for (const secret of secrets)
      if (answer.text.includes(secret) && !request.target.includes(secret)) t.fail(`${what} tells a secret: ${answer.text.slice(0, 300)}`);
  }
  t.comment(JSON.stringify({ ...Object.fromEntries(seen), streams }));
  for (const kind of ['2xx', '4xx']) t.ok((seen.get(kind) ?? 0) > count / 50, `a good part is ${kind}: ${seen.get(kind)}`);
  t.equal((await fetch(new URL('/healthz', access.address))).status, 200, 'and it still answers');
  const trouble = await readFile(join(dataDir, 'trouble.log'), 'utf8').catch(() => '');
  t.notMatch(trouble, /answering the API/, 'nor did anything go wrong that the caller was not told of');
  for (const secret of tokens.map((made) => made.secret)) t.notMatch(await copy.dump(), secret);
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

/** Sends bytes as they are: what an HTTP client would put right is part of what is tried. */
function send(port: number, request: { method: string; target: string; headers: Readonly<Record<string, string>>; body: string | null }) {
  return new Promise<{ status: number; head: string; text: string }>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const body = request.body === null ? '' : request.body;
    const lines = Object.entries({ ...request.headers, host: 'api', connection: 'close', 'content-length': `${Buffer.byteLength(body)}` });
    socket.setTimeout(30_000, () => socket.destroy(new Error(`no answer to ${request.method} ${request.target}`)));
    socket.setEncoding('utf8');
    socket.on('connect', () =>
      socket.write(
        `${request.method} ${request.target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
      ),
    );
    const done = () => {
      const head = text.split('\r\n\r\n')[0] ?? '';
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head, text });
    };
    socket.on('data', (part: string) => {
      text += part;
      // A stream has no end of its own.
      if (/content-type: text\/event-stream/i.test(text)) socket.destroy();
    });
    socket.on('close', done);
    // The server may close before it has read all of a request that it refused.
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' || error.code === 'ECONNRESET' ? done() : reject(error)));
  });
}

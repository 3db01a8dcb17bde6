import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { Agent } from 'undici';
import type { FiredAlert } from './detector/rule.ts';
import { TokenSource } from './load/token-source.ts';
import { startChild } from './process/child.ts';
import { startSurroundings } from './surroundings.ts';
import { until } from './testing/until.ts';

// Processes run what `tsc -b` built; the tests only start them.
const built = (path: string) => new URL(`../dist/${path}`, import.meta.url);

function aFolder(t: { teardown(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'payments-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that ended but was not waited for is no process any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('the service stands in its surroundings as real processes: money is booked, alerts arrive, load loses nothing, no secret is written down', async (t) => {
  const dataDir = aFolder(t);
  const alerts: (FiredAlert & { readonly path: string })[] = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      alerts.push({ ...(JSON.parse(body) as FiredAlert), path: request.url ?? '' });
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const webhookUrl = (name: string) => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts/${name}?token=webhook-secret`;
  const surroundings = await startSurroundings({ webhookUrl, dataDir });
  t.teardown(async () => {
    await surroundings.stop();
    receiver.close();
    receiver.closeAllConnections();
  });
  const { env } = surroundings;
  const instance = (name: string, jwksUrl: string, auditUrl: string) =>
    startChild({
      name,
      main: built('service/main.js'),
      output: join(dataDir, 'output', `${name}.log`),
      readyWithinMs: 30_000,
      env: {
        SERVICE_NAME: 'payments-sound',
        INSTANCE_NAME: name,
        JWKS_URL: jwksUrl,
        ISSUER: env.PAYMENTS_IDP_URL,
        AUDIT_URL: auditUrl,
        DATABASE_URL: env.PAYMENTS_DATABASE_URL,
        KEY_CACHE_SECONDS: '1',
      },
    });
  const keysAway = 'http://127.0.0.1:9/jwks';
  const [service, other, cold, unwatched] = await Promise.all([
    instance('one', `${env.PAYMENTS_IDP_URL}/jwks`, env.PAYMENTS_AUDIT_URL),
    instance('two', `${env.PAYMENTS_IDP_URL}/jwks`, env.PAYMENTS_AUDIT_URL),
    instance('cold', keysAway, env.PAYMENTS_AUDIT_URL),
    instance('unwatched', keysAway, env.PAYMENTS_UNWATCHED_AUDIT_URL),
  ]);
  t.teardown(() => Promise.all([service, other, cold, unwatched].map((child) => child.stop())));
  const url = String(service.ready['url']);

  await t.test('payments are booked and read back through another instance', async (t) => {
    const agent = new Agent();
    const { token } = await new TokenSource(
      env.LOAD_TOKEN_URL,
      [{ id: 'synthetic-payer', secret: env.PAYMENTS_SYNTHETIC_SECRET }],
      agent,
    ).take();
    await agent.close();
    const authorization = `Bearer ${token}`;
    const body = JSON.stringify({
      amount: 700,
      currency: 'EUR',
      to: 'coal-board',
      payer: { name: 'Canary Finch', card: '4000001234567899' },
    });
    const made = await fetch(`${url}/payments`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body });
    t.equal(made.status, 201);
    const account = await fetch(`${String(other.ready['url'])}/accounts/me`, { headers: { authorization } });
    t.same(await account.json(), { account: 'synthetic-payer', balance: -700, payments: 1 });
    const listed = (await (await fetch(`${url}/payments`, { headers: { authorization } })).json()) as { payments: { id: string }[] };
    t.equal(listed.payments[0]?.id, ((await made.json()) as { id: string }).id);
    t.equal((await fetch(`${url}/audit/heartbeat`, { method: 'POST', headers: { authorization } })).status, 202);
  });

  await t.test('the detector with the rule tells the identity on-call about the cold instance, the other one cannot', async (t) => {
    const alert = await until('the alert about the keys', () => alerts.find(({ rule }) => rule === 'jwks-refresh-failing'));
    t.match(alert, {
      receiver: 'identity-oncall',
      path: '/alerts/identity-oncall?token=webhook-secret',
      fields: { instance: 'cold', owner: 'identity-team' },
    });
    await until('the heartbeat at both receivers', () => alerts.filter(({ rule }) => rule === 'heartbeat').length === 2);
    t.same(
      alerts.filter(({ fields }) => fields['instance'] === 'unwatched'),
      [],
    );
  });

  await t.test('a steady load says when it begins, gets an answer to every request, and ends when it is told', async (t) => {
    const output = join(dataDir, 'load.log');
    const load = await startChild({
      name: 'load',
      main: built('load/main.js'),
      output,
      readyWithinMs: 30_000,
      env: { LOAD_URL: url, LOAD_RATE: '50', LOAD_USERS: '20', LOAD_CLIENTS: env.LOAD_CLIENTS, LOAD_TOKEN_URL: env.LOAD_TOKEN_URL },
    });
    const lines = () => readFileSync(output, 'utf8').trim().split('\n');
    await until('two seconds were told of', () => lines().length >= 2);
    await load.stop();
    const final = await until('the summary', () => lines().find((line) => line.includes('"summary":true')));
    const { sent, ok, lost, failed, withoutToken } = JSON.parse(final) as Record<string, number>;
    t.ok(Number(sent) >= 100, `${sent} sent`);
    t.same({ ok, lost, failed, withoutToken }, { ok: sent, lost: 0, failed: 0, withoutToken: 0 });
  });

  for (const child of [service, other, cold, unwatched]) await child.stop();
  await surroundings.stop();
  t.notOk(surroundings.pids.some(isAlive), 'nothing of it runs any more');
  const written = readdirSync(join(dataDir, 'output'))
    .map((name) => readFileSync(join(dataDir, 'output', name), 'utf8'))
    .join('\n');
  const password = new URL(env.PAYMENTS_DATABASE_URL).password;
  for (const secret of ['webhook-secret', 'Canary', '4000001234567899', 'eyJ', env.PAYMENTS_SYNTHETIC_SECRET, password]) {
    t.notOk(written.includes(secret), 'no output holds a secret or what a user sent');
  }
});

test('when the process that started them is killed, the surroundings end by themselves and can be started again', async (t) => {
  const dataDir = aFolder(t);
  const script = join(dataDir, 'parent.mjs');
  writeFileSync(
    script,
    `import { startSurroundings } from ${JSON.stringify(built('surroundings.js').href)};
     const { pids } = await startSurroundings({ webhookUrl: (name) => 'http://127.0.0.1:9/' + name, dataDir: ${JSON.stringify(dataDir)} });
     process.stdout.write(JSON.stringify(pids) + '\\n');
     setInterval(() => {}, 1000);`,
  );
  for (const attempt of ['first', 'second']) {
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => parent.kill('SIGKILL'));
    const pids = await new Promise<number[]>((resolve, reject) => {
      parent.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as number[]));
      parent.once('close', () => reject(new Error('the parent ended by itself')));
    });
    t.equal(pids.length, 4);
    t.ok(pids.every(isAlive), `${attempt} start: all run`);
    const state = join(dataDir, 'database', 'postgres.json');
    const server = (JSON.parse(readFileSync(state, 'utf8')) as { server: { pid: number } }).server.pid;
    t.ok(isAlive(server));
    parent.kill('SIGKILL');
    await until('all of them are gone, the database server too', () => ![...pids, server].some(isAlive));
  }
});

test('a process that cannot start says why, and leaves nothing running', async (t) => {
  const output = join(aFolder(t), 'detector.log');
  const start = startChild({
    name: 'detector',
    main: built('detector/main.js'),
    env: { RULES: '/nowhere.json', WEBHOOK_URL: 'http://127.0.0.1:9/' },
    output,
    readyWithinMs: 20_000,
  });
  await t.rejects(start, { message: /detector ended with 1 before it was ready.*(no such file|detector\.log)/s });
});

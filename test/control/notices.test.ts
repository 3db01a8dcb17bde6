import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Delivery, type Notifier, type RunStore, systemClock } from '@haldane/core';
import { egress } from '@haldane/egress';
import { notifiers, readNotify } from '@haldane/notifiers';
import { Herald, type Persistence } from '@haldane/scheduler';
import { startStack } from '@haldane/standalone';
import { connectionOf, startTestDatabase, type TestCopy } from '@haldane/store/testing';
import { sampleNotice, sampleRun } from '@haldane/testkit';
import { Webhook } from 'standardwebhooks';
import { after, type Test, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';

allowSeconds(240);
const database = await startTestDatabase();
after(() => database.stop());
const withinMs = 120_000;
const quick: Persistence = { firstMs: 20, mostMs: 100, forMs: 600_000 };

async function soon<T>(what: string, look: () => T | null | Promise<T | null>): Promise<T> {
  for (const until = Date.now() + withinMs; Date.now() < until; await sleep(20)) {
    const found = await look();
    if (found !== null) return found;
  }
  throw new Error(`${what} did not come in ${withinMs / 1000} s`);
}

type Seen = { readonly id: string; readonly at: number; readonly headers: IncomingHttpHeaders; readonly body: string };

/** A receiver whose mind the test changes. */
async function receiver(t: Test) {
  const seen: Seen[] = [];
  let mind: (response: ServerResponse) => void = (response) => void response.end('ok');
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      seen.push({ id: String(request.headers['webhook-id']), at: Date.now(), headers: request.headers, body });
      mind(response);
    });
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  await listen(0);
  t.teardown(close);
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    port,
    down: close,
    up: () => listen(port),
    answer: (status: number, headers: Readonly<Record<string, string>> = {}) => {
      mind = (response) => void response.writeHead(status, headers).end();
    },
    hang: () => {
      mind = () => undefined;
    },
  };
}

const key = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const fileFor = (port: number) =>
  `allow: ["127.0.0.1:${port}"]\nreceivers: [{ name: siem, by: webhook, url: "http://127.0.0.1:${port}/hook", secretEnv: KEY }]\ntell: [{ receivers: [siem] }]\n`;

async function startProcess(t: Test, { address }: TestCopy, port: number): Promise<ChildProcess> {
  const given = JSON.stringify({ address, notify: fileFor(port), env: { KEY: key } });
  const file = fileURLToPath(new URL(`herald-process${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, file, given], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  return child;
}

/** Heralds of this process that bring real messages there. */
function realHeralds(t: Test, { store }: TestCopy, port: number, count: number): void {
  const notify = readNotify(fileFor(port), 'haldane.notify.yaml');
  const receivers = notifiers(notify, { env: { KEY: key }, egress: egress(notify.allow), clock: systemClock });
  for (let n = 0; n < count; n += 1) {
    const herald = new Herald({
      outbox: store.outbox,
      pools: ['ours', null],
      receivers,
      compose: async (news) => [{ receiver: 'siem', notice: sampleNotice(news) }],
      onGivenUp: async () => void t.fail('nothing is given up here'),
      onTrouble: (what, error) => void t.fail(`${what}: ${String(error)}`),
      clock: systemClock,
      random: Math.random,
      persistence: quick,
    });
    herald.start();
    t.teardown(() => herald.stop());
  }
}

/** Begins a run of ours and stops it, as far as the database is told. */
async function runThatIsStopped(runs: RunStore): Promise<string> {
  const run = await runs.create({ ...sampleRun(), pool: 'ours' });
  const claim = await runs.claim('a test', 60_000, 0, ['ours']);
  if (claim === null) throw new Error('there was nothing to claim');
  await runs.advance(claim.fence, 1, { to: 'provisioning' });
  await runs.advance(claim.fence, 2, { to: 'done', stop: { reason: 'operator', why: 'enough', at: 1 } });
  return run.id;
}

const topicsOf = (seen: readonly Seen[]) => seen.map(({ body }) => (JSON.parse(body) as { type: string }).type);

test('a herald that is killed after the receiver had it, or before it was asked, leaves it to the next, under the same id', async (t) => {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const hook = await receiver(t);
  hook.hang();
  const first = await startProcess(t, copy, hook.port);
  const runId = await runThatIsStopped(copy.store.runs);
  await soon('the first try', () => hook.seen[0] ?? null);
  first.kill('SIGKILL');
  hook.answer(204);
  realHeralds(t, copy, hook.port, 1);
  // What the dead one held is given to others when its time is over.
  await copy.letPass(60_000);
  await soon('both messages', () => (hook.seen.length >= 3 ? true : null));
  t.same(topicsOf(hook.seen), ['haldane.started', 'haldane.started', 'haldane.stopped']);
  t.equal(hook.seen[0]?.id, hook.seen[1]?.id);
  t.not(hook.seen[1]?.id, hook.seen[2]?.id);
  for (const { headers, body } of hook.seen)
    t.match(new Webhook(key).verify(body, headers as Record<string, string>), { data: { runId, service: 'payments' } });
});

test('a receiver that is down, fails, wants time and is down again has every message once, in order; three heralds make no doubles', async (t) => {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const hook = await receiver(t);
  realHeralds(t, copy, hook.port, 3);
  await hook.down();
  const { runs, outbox } = copy.store;
  for (let n = 0; n < 5; n += 1) await runThatIsStopped(runs);
  const tries = () => copy.query('select sum(tries)::int as n from deliveries');
  await soon('some tries', async () => ((((await tries())[0]?.['n'] as number | null) ?? 0) >= 3 ? true : null));
  hook.answer(500);
  await hook.up();
  await soon('a try that failed', () => hook.seen[0] ?? null);
  hook.answer(429, { 'retry-after': '1' });
  const before = hook.seen.length;
  await soon('a try that was put off', () => hook.seen[before] ?? null);
  const told = hook.seen.length;
  hook.answer(200);
  await soon('all messages', async () => {
    const [left] = await copy.query(`select count(*)::int as n from deliveries where state <> 'delivered'`);
    const [made] = await copy.query('select count(*)::int as n from deliveries');
    return left?.['n'] === 0 && made?.['n'] === 10 ? true : null;
  });
  const arrived = hook.seen.slice(told);
  t.same(topicsOf(arrived), Array.from({ length: 5 }, () => ['haldane.started', 'haldane.stopped']).flat(), 'in order');
  t.equal(new Set(arrived.map(({ id }) => id)).size, 10, 'each once');
  const wait = (arrived[0]?.at ?? 0) - (hook.seen[told - 1]?.at ?? 0);
  t.ok(wait >= 1_000, `asked to wait a second, it waited ${wait} ms`);
  t.equal(await outbox.takeNews(['ours', null], 1), null);
});

/** A herald of this process over a receiver that the test plays. */
function heraldOf(t: Test, copy: TestCopy, notifier: Notifier, persistence: Persistence = quick) {
  const givenUp: string[] = [];
  const troubles: string[] = [];
  const herald = new Herald({
    outbox: copy.store.outbox,
    pools: ['ours', null],
    receivers: new Map([['siem', notifier]]),
    compose: async (news) => {
      if (news.data['odd'] === true) throw new Error('no words for this');
      return ['siem', 'gone'].map((receiver) => ({ receiver, notice: sampleNotice(news) }));
    },
    onGivenUp: async ({ service, why }) => void givenUp.push(`${service}: ${why}`),
    onTrouble: (what) => void troubles.push(what),
    clock: systemClock,
    random: () => 1,
    persistence,
  });
  t.teardown(() => herald.stop());
  return { herald, givenUp, troubles };
}
const newsOf = (service: string, data = {}) => ({ topic: 'break-glass', service, environment: 'test', runId: null, data }) as const;

test('what never will arrive is given up and said so, and nothing else waits for it', async (t) => {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const { outbox, figures } = copy.store;
  const had: string[] = [];
  const notifier: Notifier = {
    deliver: async ({ notice }: Delivery) => {
      if (notice.service === 'refused') throw Object.assign(new Error('it answered 400'), { code: 'bad-request' });
      if (notice.service === 'slow') throw Object.assign(new Error('no answer: not in time'), { code: 'unavailable' });
      had.push(notice.service);
    },
  };
  const { herald, givenUp, troubles } = heraldOf(t, copy, notifier, { ...quick, forMs: 300_000 });
  await outbox.announce(newsOf('refused'), '1');
  await outbox.announce(newsOf('slow'), '2');
  await outbox.announce(newsOf('odd', { odd: true }), '3');
  await outbox.announce(newsOf('fine'), '4');
  herald.start();
  await soon('the good one', () => (had.includes('fine') ? true : null));
  await soon('the bad one', () => givenUp[0] ?? null);
  t.same(givenUp, ['refused: it answered 400']);
  await copy.letPass(301_000);
  await soon('the end of patience', () => givenUp[1] ?? null);
  t.match(givenUp[1], /^slow: it was tried \d+ times: no answer: not in time$/);
  t.match(troubles[0], /putting news into words: break-glass of odd/);
  const shown = await figures.read();
  const notices = shown.find(({ name }) => name === 'haldane_notices')?.samples ?? [];
  const count = (receiver: string, state: string) =>
    notices.find(({ labels }) => labels['receiver'] === receiver && labels['state'] === state)?.value ?? 0;
  t.same([count('siem', 'given-up'), count('siem', 'delivered'), count('gone', 'waiting')], [2, 1, 3]);
  t.ok((shown.find(({ name }) => name === 'haldane_notice_waiting_seconds')?.samples[0]?.value ?? 0) > 300);
});

test('news that nobody can put into words are tried some times, given up and said so, and do not hold up the later ones for long', async (t) => {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const { outbox } = copy.store;
  const had: string[] = [];
  const notifier: Notifier = { deliver: async ({ notice: { topic } }) => void had.push(topic) };
  const { herald, givenUp, troubles } = heraldOf(t, copy, notifier);
  await outbox.announce(newsOf('payments', { odd: true }), '1');
  await outbox.announce({ ...newsOf('payments'), topic: 'gate-blocked' }, '2');
  for (let tries = 1; tries <= 10; tries += 1) {
    await herald.round();
    t.same([troubles.length, had.length, givenUp.length], [tries, tries < 3 ? 0 : 1, tries < 10 ? 0 : 1]);
    await copy.letPass(60_001);
  }
  t.same([had, givenUp], [['gate-blocked'], ['payments: it was tried 10 times: no words for this']]);
  await herald.round();
  t.equal(troubles.length, 10, 'it is over');
});

test('what waited a week for a receiver that nobody knows is given up and said so', async (t) => {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const { herald, givenUp } = heraldOf(t, copy, { deliver: async () => undefined });
  await copy.store.outbox.announce(newsOf('payments'), '1');
  await herald.round();
  t.same(givenUp, []);
  await copy.letPass(7 * 86_400_000);
  herald.start();
  await soon('its end', () => givenUp[0] ?? null);
  t.same(givenUp, ['payments: nobody here knows this receiver']);
});

test('a herald that is told to end tells what there is first, and waits for nobody for ever', async (t) => {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const { outbox } = copy.store;
  const had: string[] = [];
  const ended: string[] = [];
  const notifier: Notifier = {
    deliver: async ({ notice: { service } }, signal) => {
      if (service === 'hangs') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      had.push(service);
    },
  };
  const { herald } = heraldOf(t, copy, notifier);
  herald.start();
  await outbox.announce(newsOf('first'), '1');
  await soon('the first', () => (had.includes('first') ? true : null));
  await outbox.announce(newsOf('hangs'), '2');
  await outbox.announce(newsOf('last'), '3');
  await herald.stop().then(() => ended.push('ended'));
  t.same(ended, ['ended']);
  t.same([...had].sort(), ['first', 'last']);
  await copy.letPass(60_000);
  t.equal((await outbox.take(['siem'], 1))?.notice.service, 'hangs', 'the rest waits for the next herald');
});

test('a Haldane of one command takes nothing from those who share its database, whatever its own file calls their receivers', async (t) => {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const hook = await receiver(t);
  const dataDir = await mkdtemp(join(tmpdir(), 'haldane-notices-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));
  await writeFile(join(dataDir, 'haldane.notify.yaml'), fileFor(hook.port));
  const { user, password, database: name, host, port } = connectionOf(copy.address);
  const databaseUrl = `postgres://${user}:${password}@/${name}?host=${encodeURIComponent(host)}&port=${port}`;
  const { outbox } = copy.store;
  await outbox.announce(newsOf('told'), '1');
  const told = await outbox.takeNews([null], 60_000);
  if (told === null) throw new Error('there were no news');
  await outbox.post(told, [{ receiver: 'siem', notice: sampleNotice(told) }]);
  await outbox.announce(newsOf('untold'), '2');
  const stack = await startStack({ dataDir, databaseUrl, port: 0, env: { KEY: key }, ephemeral: true });
  // Whoever tells people does so for the last time before it ends.
  await stack.stop();
  t.same(hook.seen, []);
  t.match(await outbox.takeNews([null], 1), { service: 'untold', tries: 1 });
  t.match(await outbox.take(['siem'], 1), { notice: { service: 'told' }, tries: 1 });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Deployment, systemClock, type TrafficBlock } from '@haldane/core';
import { VirtualClock } from '@haldane/testkit';
import { type Test, test } from 'tap';
import { prometheusMetrics } from './prometheus-metrics.ts';
import { tallyOf } from './tallies-of.ts';

const { signal } = new AbortController();
const queries = { requests: 'sum by (code) (http_requests_total{cluster="$cluster"})', up: 'up{cluster="$cluster"}' };
const runOf = async () => ({ production: 'shop', failures: 7, creditRate: 0.5 });

async function serve(t: Test, answer: RequestListener, host = '127.0.0.1'): Promise<string> {
  const server = createServer(answer).listen(0, host);
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `${host}:${(server.address() as AddressInfo).port}`;
}

test('answers of one second are what counters grew by, whatever happened to the counters', (t) => {
  const counter = (code: string, ...values: (number | undefined)[]) => ({
    labels: { code },
    at: new Map(values.flatMap((value, at) => (value === undefined ? [] : [[at, value] as const]))),
  });
  const counters = [counter('200', 10, 15), counter('503', undefined, 2), counter('401', 5, 1), counter('2xx', 1, 2), counter('5xx', 1, 1)];
  t.match(tallyOf(counters, 0), { requests: 9, failures: 2, classes: [6, 0, 1, 0, 0, 0, 2, 0] });
  t.match(tallyOf([{ labels: {}, at: new Map([[1, 3]]) }], 0), { requests: 3, failures: 3 }, 'no status is no success');
  t.end();
});

test('a server that does not answer, refuses, or repeats what is long over is no data', async (t) => {
  const clock = new VirtualClock(100_000);
  let stamp = 90;
  const address = await serve(t, (request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const query = form.get('query') ?? '';
      if (query.startsWith('bad')) return response.writeHead(400).end('{"status":"error","error":"parse error"}');
      const value = query.startsWith('timestamp') ? `${stamp}` : '1';
      const values = Array.from({ length: Number(form.get('end')) - Number(form.get('start')) + 1 }, (_, i) => [
        Number(form.get('start')) + i,
        value,
      ]);
      return response.end(JSON.stringify({ status: 'success', data: { result: [{ metric: { code: '200' }, values }] } }));
    });
  });
  const source = (more: object) => prometheusMetrics({ url: `http://${address}`, queries, runOf, clock, ...more });
  await clock.advance(5_000);
  t.match(await source({}).read('r1', 100, signal), { state: 'ok', points: [{ at: 101 }, { at: 102 }] });
  stamp = 60;
  t.match(await source({}).read('r1', 100, signal), { state: 'unavailable', why: /could not read every instance of shop/ });
  t.match(await source({ queries: { ...queries, up: 'bad $cluster' } }).read('r1', 100, signal), {
    state: 'unavailable',
    why: /parse error/,
  });
  t.match(await source({ url: 'http://127.0.0.1:1' }).read('r1', 100, signal), { state: 'unavailable', why: /did not answer/ });
  t.match(await source({}).read('r1', 103, signal), { state: 'no-data' });
});

const program = process.env['LANE_PROMETHEUS'];

test('a real Prometheus: every answer is told once, in its arm, and an instance that cannot be read is a gap', {
  skip: program === undefined && 'LANE_PROMETHEUS names no prometheus; .ci/run installs one',
  timeout: 180_000,
}, async (t) => {
  const made: Record<string, { code: string; count: number }[]> = {
    shop: [{ code: '200', count: 1000 }],
    'r1.control': [{ code: '200', count: 0 }],
    'r1.experiment': [
      { code: '200', count: 0 },
      { code: '503', count: 0 },
    ],
  };
  let deaf = false;
  const targets = await Promise.all(
    Object.entries(made).map(async ([cluster, counters]) => ({
      cluster,
      address: await serve(t, (_request, response) => {
        if (deaf && cluster === 'r1.experiment') return response.destroy();
        response.setHeader('content-type', 'text/plain; version=0.0.4');
        return response.end(counters.map(({ code, count }) => `http_requests_total{code="${code}"} ${count}\n`).join(''));
      }),
    })),
  );
  const folder = await mkdtemp(join(tmpdir(), 'hdp-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const jobs = targets.map(({ cluster, address }) => `{ targets: ['${address}'], labels: { cluster: '${cluster}' } }`);
  await writeFile(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n  - { job_name: all, static_configs: [${jobs.join(', ')}] }\n`,
  );
  const listen = await freeAddress();
  const child = spawn(
    program ?? '',
    [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${listen}`],
    { stdio: 'ignore' },
  );
  t.teardown(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const source = prometheusMetrics({ url: `http://${listen}`, queries, runOf, clock: systemClock });
  const until = async <T>(what: string, look: () => Promise<T | null>): Promise<T> => {
    for (let tries = 0; tries < 600; tries += 1) {
      const seen = await look().catch(() => null);
      if (seen !== null) return seen;
      await sleep(100);
    }
    throw new Error(`never came true: ${what}`);
  };
  let after = await until('every instance was read', async () => {
    const now = Math.floor(Date.now() / 1000) - 4;
    return (await source.read('r1', now, signal)).state === 'ok' ? now : null;
  });
  source.leave?.('r1');
  const told: TrafficBlock[] = [];
  const readOn = async () => {
    const reading = await source.read('r1', after, signal);
    if (reading.state === 'ok') told.push(...reading.points);
    after = told.at(-1)?.at ?? after;
    return reading;
  };
  const sum = (of: (block: TrafficBlock) => number) => told.reduce((all, block) => all + of(block), 0);
  for (let n = 0; n < 20; n += 1) {
    for (const counters of Object.values(made)) for (const one of counters) one.count += one.code === '503' ? 1 : 3;
    await readOn();
    await sleep(100);
  }
  const all = () => [
    sum((block) => block.real.experiment.failures),
    sum((block) => block.real.experiment.requests),
    sum((block) => block.real.control.requests),
    // What production had counted before is nobody's.
    sum((block) => block.real.production.requests),
  ];
  await until('everything was told', async () => {
    await readOn();
    return all().every((count, i) => count >= ([20, 80, 60, 60][i] ?? 0)) ? true : null;
  });
  const seconds = told.length;
  await until('two more seconds were told', async () => ((await readOn()).state === 'ok' && told.length > seconds + 1 ? true : null));
  t.same(all(), [20, 80, 60, 60], 'and once');
  t.same(told.at(-1)?.budget, { spent: 20, cap: 7, credit: 70 });
  t.ok(
    told.every((block, i) => i === 0 || block.at === (told[i - 1]?.at ?? 0) + 1),
    'no second was left out',
  );

  const advice = await source.advise?.({ source: 'shop' } as Deployment, 10, signal);
  t.match(advice?.caps[0]?.enforcedBy, /Prometheus reads instances every .* may fail beyond the cap/);
  deaf = true;
  await until('the arm that cannot be read is a gap', async () => ((await readOn()).state === 'unavailable' ? true : null));
  t.match(await readOn(), { state: 'unavailable', why: /r1\.experiment/ });
});

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type Deployment, systemClock, type TrafficBlock } from '@haldane/core';
import { egress } from '@haldane/egress';
import { askPrometheus, prometheusMetrics } from '@haldane/metrics';
import { test } from 'tap';
import { serveCounters, startPrometheus } from '../testing/real-prometheus.ts';

const { signal } = new AbortController();
const queries = {
  requests: 'http_requests_total{cluster="$cluster"}',
  up: 'up{cluster="$cluster"}',
  started: 'process_start_time_seconds{cluster="$cluster"}',
};
const requestsOf = ({ real }: TrafficBlock) => real.control.requests + real.experiment.requests;
const failuresOf = ({ real }: TrafficBlock) => real.control.failures + real.experiment.failures;
const sum = (of: (block: TrafficBlock) => number, blocks: readonly TrafficBlock[]) => blocks.reduce((all, one) => all + of(one), 0);

const program = process.env['LANE_PROMETHEUS'];

test('a real Prometheus: every answer is told once, in its arm, over a restart, a gap and a hand-over', {
  skip: program === undefined && 'LANE_PROMETHEUS names no prometheus; .ci/run installs one',
  timeout: 240_000,
}, async (t) => {
  const names = ['shop', 'r1.control', 'r1.control', 'r1.experiment', 'r1.experiment'];
  const instances = await Promise.all(names.map((cluster) => serveCounters(t, cluster)));
  const [shop, control, , faulted, beside] = instances as [
    (typeof instances)[0],
    (typeof instances)[0],
    unknown,
    (typeof instances)[0],
    (typeof instances)[0],
  ];
  // Everybody has a past.
  for (const one of instances) one.answer('503', 1_000);
  const { url, read } = await startPrometheus(t, program ?? '');
  await read(instances);
  const told: TrafficBlock[] = [];
  const open = () =>
    prometheusMetrics({
      ask: askPrometheus(url, egress([])),
      queries,
      runOf: async () => ({ production: 'shop', instances: { control: 2, experiment: 2 }, failures: 7, creditRate: 0.5 }),
      countedOf: async () => {
        const last = told.at(-1);
        return { at: last?.at ?? 0, spent: last?.budget.spent ?? 0, requests: sum(requestsOf, told) };
      },
      clock: systemClock,
    });
  let source = open();
  let after = 0;
  const until = async (what: string, isTrue: () => Promise<boolean>) => {
    for (let tries = 0; tries < 600; tries += 1) {
      if (await isTrue()) return;
      await sleep(100);
    }
    throw new Error(`never came true: ${what}`);
  };
  await until('every instance was read', async () => {
    after = Math.floor(Date.now() / 1000);
    return (await open().read('r1', after - 5, signal)).state === 'ok';
  });
  const look = async () => {
    const reading = await source.read('r1', told.at(-1)?.at ?? after, signal);
    if (reading.state === 'ok') told.push(...reading.points);
    return reading.state;
  };
  const counts = () => [sum(failuresOf, told), sum(requestsOf, told), sum(({ real }) => real.production.requests, told)];
  const counted = (wanted: readonly number[]) =>
    until(`${wanted} were counted and not ${counts()}`, async () => {
      await look();
      return counts().every((count, n) => count >= (wanted[n] ?? 0));
    });
  for (const one of [shop, control]) one.answer('200', 30);
  faulted.answer('503', 20);
  await counted([20, 50, 30]);
  source = open();
  beside.answer('503', 2);
  faulted.begin();
  // More than its process before had counted: only its beginning tells that it is another.
  faulted.answer('503', 1_100);
  await counted([1_122, 1_152, 30]);
  beside.isDeaf = true;
  beside.answer('503', 5);
  const before = told.length;
  await until('an arm that is not read is no data', async () => (await look()) === 'unavailable');
  beside.isDeaf = false;
  await counted([1_127, 1_157, 30]);
  t.ok(
    told.slice(before).some((block, n) => block.at > (told[before + n - 1]?.at ?? 0) + 1),
    'a gap, and what was counted in it after it',
  );
  const seen = told.length;
  await until('more seconds were told', async () => (await look()) !== 'unavailable' && told.length > seen + 3);
  t.same(counts(), [1_127, 1_157, 30], 'and once');
  t.same(told.at(-1)?.budget, { spent: 1_127, cap: 7, credit: 1_157 / 2 });
  t.match(await source.advise?.({ source: 'shop' } as Deployment, 10, signal, { baselineSeconds: 60, watchSeconds: 300 }), {
    refusals: [],
    caps: [{ enforcedBy: /Prometheus reads instances every/ }, {}, {}],
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Deployment, TrafficBlock } from '@haldane/core';
import { egress } from '@haldane/egress';
import { VirtualClock } from '@haldane/testkit';
import fc from 'fast-check';
import { test } from 'tap';
import type { CountedSoFar } from '../counted-run.ts';
import { askPrometheus } from './ask-prometheus.ts';
import { prometheusMetrics } from './prometheus-metrics.ts';
import { type FleetEvent, simulatedFleet } from './testing/simulated-fleet.ts';

const { signal } = new AbortController();
const out = egress([]);
const queries = {
  requests: 'http_requests_total{cluster="$cluster"}',
  up: 'up{cluster="$cluster"}',
  started: 'process_start_time_seconds{cluster="$cluster"}',
};
const startMs = 1_800_000_000_000;
const spec = { baselineSeconds: 60, watchSeconds: 300 };
const nothing: CountedSoFar = { at: 0, spent: 0, requests: 0 };

/** A reader of a fleet, who may be followed by another that knows only the blocks. */
function readerOf(fleet: ReturnType<typeof simulatedFleet>, clock: VirtualClock, instances = { control: 1, experiment: 2 }) {
  const told: TrafficBlock[] = [];
  const runOf = async () => ({ production: 'shop', instances, failures: 7, creditRate: 0.5 });
  const countedOf = async () => {
    const last = told.at(-1);
    if (last === undefined) return nothing;
    return { at: last.at, spent: last.budget.spent, requests: told.reduce((all, one) => all + requestsOf(one), 0) };
  };
  const open = () => prometheusMetrics({ queries, runOf, countedOf, clock, ask: fleet.ask });
  let source = open();
  const began = Math.floor(clock.now() / 1000);
  return {
    told,
    handOver: () => {
      source = open();
    },
    async read() {
      const reading = await source.read('r1', told.at(-1)?.at ?? began, signal);
      if (reading.state === 'ok') told.push(...reading.points);
      return reading;
    },
    lateMs: () => source.lateMs?.('r1') ?? 0,
  };
}
const requestsOf = ({ real }: TrafficBlock) => real.control.requests + real.experiment.requests;
const failuresOf = ({ real }: TrafficBlock) => real.control.failures + real.experiment.failures;
const sum = (of: (block: TrafficBlock) => number, blocks: readonly TrafficBlock[]) => blocks.reduce((all, one) => all + of(one), 0);

const event: fc.Arbitrary<FleetEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      of: fc.nat(9),
      code: fc.constantFrom('200', '503', '401'),
      times: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const), of: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('miss' as const), of: fc.nat(9), turns: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('vanish' as const), of: fc.nat(9), turns: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('slow' as const), of: fc.nat(9), ms: fc.integer({ min: 1, max: 4_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('silence' as const), ms: fc.integer({ min: 500, max: 6_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hand-over' as const) }) },
);
const life = fc.array(fc.tuple(fc.integer({ min: 0, max: 1_500 }), event), { maxLength: 60 });

test('whatever happens to a fleet, what is counted is what its counters counted: each answer once, none lost, in order', async (t) => {
  let gaps = 0;
  let restarts = 0;
  let handed = 0;
  await fc.assert(
    fc.asyncProperty(life, fc.integer({ min: 1_000, max: 5_000 }), async (events, everyMs) => {
      const clock = new VirtualClock(startMs);
      const fleet = simulatedFleet(clock, { shop: 2, 'r1.control': 2, 'r1.experiment': 2 }, everyMs);
      // Everybody has a past, that is nobody's here.
      for (let of = 0; of < 6; of += 1) fleet.happen({ do: 'answer', of, code: '503', times: 1_000 });
      await fleet.pass(30_000);
      const reader = readerOf(fleet, clock, { control: 2, experiment: 2 });
      const past = fleet.truth();
      for (const [ms, one] of events) {
        // In steps, as a runner looks.
        for (let left = ms; left > 0; left -= 500) {
          await fleet.pass(Math.min(left, 500));
          await reader.read();
        }
        if (one.do === 'hand-over') reader.handOver();
        else fleet.happen(one);
        if (one.do === 'hand-over') handed += 1;
        if (one.do === 'restart') restarts += 1;
      }
      for (let n = 0; n < 60; n += 1) {
        await fleet.pass(1_000);
        await reader.read();
      }
      const { told } = reader;
      const truth = fleet.truth();
      for (const arm of ['control', 'experiment'] as const) {
        const counted = truth[`r1.${arm}`];
        const before = past[`r1.${arm}`];
        for (const what of ['requests', 'failures'] as const) {
          const wanted = (counted?.[what] ?? 0) - (before?.[what] ?? 0);
          const found = sum(({ real }) => real[arm][what], told);
          if (found !== wanted) throw new Error(`${arm}: ${found} ${what} were counted, ${wanted} were read by somebody`);
        }
      }
      const ordered = told.every((block, n) => n === 0 || block.at > (told[n - 1]?.at ?? 0));
      if (!ordered) throw new Error('a second was told twice, or too late');
      let spent = 0;
      let requests = 0;
      for (const block of told) {
        spent += failuresOf(block);
        requests += requestsOf(block);
        if (block.budget.spent !== spent || block.budget.credit !== requests / 2)
          throw new Error(
            `in ${block.at} ${block.budget.spent} were said to be spent and ${spent} were, with credit ${block.budget.credit}`,
          );
      }
      gaps += told.filter((block, n) => n > 0 && block.at > (told[n - 1]?.at ?? 0) + 1).length;
    }),
    { numRuns: 50 },
  );
  // Some twenty of each: that there is none of one has odds below 1e-6.
  t.ok(gaps > 0 && restarts > 0 && handed > 0, `${gaps} gaps, ${restarts} restarts, ${handed} handed over`);
});

test('a counter that its process began anew is counted from nothing, also when it is larger than before by the next reading', async (t) => {
  const clock = new VirtualClock(startMs);
  const fleet = simulatedFleet(clock, { shop: 1, 'r1.control': 1, 'r1.experiment': 2 }, 1_000);
  fleet.happen({ do: 'answer', of: 2, code: '503', times: 5 });
  fleet.happen({ do: 'answer', of: 3, code: '503', times: 100 });
  await fleet.pass(10_000);
  const reader = readerOf(fleet, clock);
  fleet.happen({ do: 'restart', of: 2 });
  fleet.happen({ do: 'answer', of: 2, code: '503', times: 9 });
  for (let n = 0; n < 12; n += 1) {
    await fleet.pass(500);
    await reader.read();
  }
  t.equal(sum(failuresOf, reader.told), 9, 'and its neighbour is not counted again');
});

test('an arm whose instance is not read is a gap and then no data; production may lose one, and whoever is new there brings no past', async (t) => {
  const clock = new VirtualClock(startMs);
  const fleet = simulatedFleet(clock, { shop: 2, 'r1.control': 1, 'r1.experiment': 2 }, 1_000);
  await fleet.pass(10_000);
  const reader = readerOf(fleet, clock);
  const go = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      await fleet.pass(500);
      last = await reader.read();
    }
  };
  let last: Awaited<ReturnType<typeof reader.read>> | null = null;
  await go(5_000);
  const early = reader.told.length;
  t.ok(early >= 2, `${early} seconds`);
  fleet.happen({ do: 'leave', of: 1 });
  fleet.happen({ do: 'join', cluster: 'shop', with: 5_000 });
  await go(10_000);
  t.ok(reader.told.length > early + 3, 'production goes on without it');
  t.equal(
    sum(({ real }) => real.production.requests, reader.told),
    0,
    'and with a new one whose past is nobody’s',
  );
  fleet.happen({ do: 'join', cluster: 'r1.experiment', with: 3 });
  await go(5_000);
  t.equal(sum(failuresOf, reader.told), 3, 'one that joins an arm is counted from nothing');
  fleet.happen({ do: 'leave', of: 2 });
  await go(20_000);
  const seen = reader.told.length;
  t.match(last, { state: 'unavailable', why: /could not read every instance of r1.experiment$/ });
  await go(20_000);
  t.equal(reader.told.length, seen, 'no second is told without all of an arm');
});

test('counters do not vanish: without them a reading is none, and one that never comes is no data, but a process that began anew has none yet', async (t) => {
  const clock = new VirtualClock(startMs);
  const fleet = simulatedFleet(clock, { shop: 1, 'r1.control': 1, 'r1.experiment': 1 }, 1_000);
  for (const of of [0, 1, 2]) fleet.happen({ do: 'answer', of, code: '200', times: 10 });
  await fleet.pass(10_000);
  const reader = readerOf(fleet, clock, { control: 1, experiment: 1 });
  let last: Awaited<ReturnType<typeof reader.read>> | null = null;
  const go = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      await fleet.pass(500);
      last = await reader.read();
    }
  };
  const gaps = () => reader.told.filter((block, n) => n > 0 && block.at > (reader.told[n - 1]?.at ?? 0) + 1).length;
  await go(6_000);
  fleet.happen({ do: 'restart', of: 2 });
  await go(10_000);
  t.same([gaps(), reader.told.length > 10], [0, true], 'nothing was asked of the new process, and that is known');
  fleet.happen({ do: 'answer', of: 2, code: '503', times: 3 });
  await go(5_000);
  fleet.happen({ do: 'vanish', of: 2, turns: 4 });
  fleet.happen({ do: 'answer', of: 2, code: '503', times: 4 });
  await go(12_000);
  t.equal(gaps(), 1, 'the seconds without counters are a gap');
  t.equal(reader.told.at(-1)?.budget.spent, 7, 'and what failed in them is charged');
  fleet.happen({ do: 'vanish', of: 2, turns: 1_000 });
  await go(10_000);
  const seen = reader.told.length;
  await go(10_000);
  t.equal(reader.told.length, seen, 'no second is told as if nobody had come');
  t.match(last, { state: 'unavailable', why: /r1.experiment$/ });
});

test('an arm of which Prometheus does not know every instance is no data', async (t) => {
  const clock = new VirtualClock(startMs);
  const fleet = simulatedFleet(clock, { shop: 1, 'r1.control': 2, 'r1.experiment': 1 }, 1_000);
  await fleet.pass(10_000);
  const reader = readerOf(fleet, clock, { control: 2, experiment: 2 });
  await fleet.pass(5_000);
  t.match(await reader.read(), { state: 'unavailable', why: /r1.experiment$/ });
  t.ok(reader.lateMs() >= 30_000, 'it has time to be found');
  fleet.happen({ do: 'join', cluster: 'r1.experiment', with: 3 });
  for (let n = 0; n < 12; n += 1) {
    await fleet.pass(500);
    await reader.read();
  }
  t.ok(reader.told.length > 0, 'once it is known');
  t.equal(sum(failuresOf, reader.told), 3, 'and what it answered meanwhile counts');
});

test('over HTTP: readings as they were stored; an answer that is none, a refusal and silence are no data', async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      asked.push(`${form.get('query')} at ${form.get('time')}`);
      if (form.get('query')?.startsWith('bad')) return response.writeHead(400).end('{"status":"error","error":"parse error"}');
      const warnings = form.get('query')?.startsWith('part') ? ['a store did not answer'] : [];
      const result = [{ metric: { job: 'a' }, values: [[1.5, '3']] }];
      return response.end(JSON.stringify({ status: 'success', warnings, data: { result } }));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.same(await askPrometheus(url, out, 60_000)('up{cluster="shop"}', 59.5, 2_500, signal), [
    { labels: { job: 'a' }, samples: [[1500, 3]] },
  ]);
  t.same(asked, ['up{cluster="shop"}[60s] at 2.5']);
  await t.rejects(askPrometheus(url, out, 60_000)('bad{}', 1, 1, signal), { code: 'bad-request', message: /parse error/ });
  await t.rejects(askPrometheus(url, out, 60_000)('part{}', 1, 1, signal), { code: 'unavailable', message: /a store did not answer/ });
  await t.rejects(askPrometheus('http://127.0.0.1:1', out, 60_000)('up{}', 1, 1, signal), {
    code: 'unavailable',
    message: /did not answer/,
  });
  const clock = new VirtualClock(startMs);
  const source = (more: object) =>
    prometheusMetrics({
      ask: askPrometheus(url, out, 60_000),
      queries,
      runOf: async () => ({ production: 'shop', instances: { control: 1, experiment: 1 }, failures: 1, creditRate: 0 }),
      countedOf: async () => nothing,
      clock,
      ...more,
    });
  t.match(await source({}).read('r1', 1, signal), { state: 'unavailable', why: /no labels job and instance.*without sum or rate/ });
  t.match(await source({ ask: simulatedFleet(clock, {}, 1_000).ask }).read('r1', 1, signal), {
    state: 'unavailable',
    why: /shop, r1.control, r1.experiment/,
  });
});

test('the plan says how late failures are known, and refuses readings that are too far apart, and where nothing is counted', async (t) => {
  const adviceOf = async (everyMs: number, answers = 1) => {
    const clock = new VirtualClock(startMs);
    const fleet = simulatedFleet(clock, { shop: 2 }, everyMs);
    if (answers > 0) fleet.happen({ do: 'answer', of: 0, code: '200', times: answers });
    await fleet.pass(120_000);
    const source = prometheusMetrics({
      queries,
      runOf: async () => Promise.reject(new Error()),
      countedOf: async () => nothing,
      clock,
      ask: fleet.ask,
    });
    return source.advise?.({ source: 'shop' } as Deployment, 10, signal, spec);
  };
  t.match(await adviceOf(1_000), {
    caps: [
      { enforcedBy: /every 1 s, so a failure is known up to 5 s late, and about 50 requests/ },
      { enforcedBy: /nobody: counters know/ },
      {},
    ],
    refusals: [],
  });
  t.match(await adviceOf(30_000), { refusals: [/every 30 s: too seldom/] });
  t.match(await adviceOf(1_000, 0), { refusals: [/it has read no counter of shop.*http_requests_total\{cluster="shop"\}/] });
});

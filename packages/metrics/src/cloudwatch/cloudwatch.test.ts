import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Deployment, HaldaneError, type Reading, type TrafficBlock } from '@haldane/core';
import { VirtualClock } from '@haldane/testkit';
import fc from 'fast-check';
import { type Test, test } from 'tap';
import type { CountedSoFar } from '../counted-run.ts';
import { type Page, wholeAnswers } from './ask-cloudwatch.ts';
import { type CloudWatchOptions, cloudWatchMetrics } from './cloudwatch-metrics.ts';
import { connectCloudWatch } from './connect-cloudwatch.ts';
import { type BalancerEvent, meters, type Outcome, simulatedBalancer } from './testing/simulated-balancer.ts';

const { signal } = new AbortController();
const startMs = 1_800_000_000_000;
const settleSeconds = 120;
const spec = { baselineSeconds: 180, watchSeconds: 600 };
const failing: readonly Outcome[] = ['failed', 'silent', 'unconnected'];

/** A reader of a balancer, who may be followed by another that knows only the blocks, as a runner looks: now and then, until nothing is to come. */
function readerOf(balancer: ReturnType<typeof simulatedBalancer>, clock: VirtualClock, more: Partial<CloudWatchOptions> = {}) {
  const told: TrafficBlock[] = [];
  const countedOf = async (): Promise<CountedSoFar> => {
    const last = told.at(-1);
    const requests = sum(({ real }) => real.control.requests + real.experiment.requests, told);
    return { at: last?.at ?? 0, spent: last?.budget.spent ?? 0, requests };
  };
  const runOf = async () => ({ production: 'shop', instances: { control: 1, experiment: 1 }, failures: 7, creditRate: 0.5 });
  const open = () =>
    cloudWatchMetrics({ ask: balancer.ask, runOf, countedOf, metersOf: async () => meters, clock, settleSeconds, ...more });
  const began = Math.floor(clock.now() / 1000);
  let source = open();
  let after = 0;
  return {
    told,
    get source() {
      return source;
    },
    handOver() {
      source.leave?.('r1');
      source = open();
      // The next runner knows what was stored, and nothing of what was only seen.
      const stored = told.at(-1)?.at ?? 0;
      source.sent?.(
        'r1',
        balancer.sent(0).filter(({ at }) => at <= stored),
      );
    },
    async look(): Promise<Reading<TrafficBlock>> {
      const seconds = balancer.sent(after);
      after = seconds.at(-1)?.at ?? after;
      source.sent?.('r1', seconds);
      const reading = await source.read('r1', told.at(-1)?.at ?? began, signal);
      if (reading.state === 'ok') told.push(...reading.points);
      return reading;
    },
    async go(seconds: number): Promise<Reading<TrafficBlock>> {
      let last: Reading<TrafficBlock> = { state: 'no-data' };
      for (let left = seconds; left > 0; left -= 5) {
        await clock.advance(5_000);
        last = await this.look();
      }
      return last;
    },
  };
}
const sum = (of: (block: TrafficBlock) => number, blocks: readonly TrafficBlock[]) => blocks.reduce((all, one) => all + of(one), 0);
const failuresOf = (blocks: readonly TrafficBlock[]) => sum(({ real }) => real.control.failures + real.experiment.failures, blocks);

const event: fc.Arbitrary<BalancerEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('users' as const),
      role: fc.constantFrom('production' as const, 'control' as const, 'experiment' as const),
      outcome: fc.constantFrom<Outcome>('ok', 'moved', 'refused', 'failed', 'silent', 'unconnected'),
      times: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('probe' as const),
      arm: fc.constantFrom('control' as const, 'experiment' as const),
      outcome: fc.constantFrom('ok' as const, 'refused' as const, 'failed' as const),
      lagMs: fc.nat(2_500),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hand-over' as const) }) },
);
/** How late the count of requests is published, and how late the codes are. */
const delays = fc.record({ requests: fc.nat(110_000), codes: fc.nat(110_000) });
const life = fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), event, delays), { maxLength: 60 });

test('whatever comes to a balancer, no failure of a user is told less than once, none of Haldane’s own is taken for a user served, and each second is told once', async (t) => {
  let handed = 0;
  let exact = 0;
  await fc.assert(
    fc.asyncProperty(life, async (events) => {
      const clock = new VirtualClock(startMs + 17_000);
      let delay = { requests: 0, codes: 0 };
      const balancer = simulatedBalancer(clock, (metric) => (metric === 'RequestCount' ? delay.requests : delay.codes));
      const reader = readerOf(balancer, clock);
      const truth = { failures: 0, served: 0, production: 0 };
      const edges = { failed: 0, handed: false };
      for (const [ms, one, late] of events) {
        for (let left = ms; left > 0; left -= 5_000) {
          await clock.advance(Math.min(left, 5_000));
          await reader.look();
        }
        delay = late;
        if (one.do === 'hand-over') {
          reader.handOver();
          handed += 1;
          edges.handed = true;
        } else if (one.do === 'probe') {
          balancer.probe(one.arm, one.outcome, one.lagMs);
          const crosses = Math.floor(clock.now() / 60_000) !== Math.floor((clock.now() + one.lagMs) / 60_000);
          if (crosses && one.outcome === 'failed') edges.failed += 1;
        } else {
          balancer.users(one.role, one.outcome, one.times);
          const fails = failing.includes(one.outcome);
          if (one.role === 'production') truth.production += one.times;
          else if (fails) truth.failures += one.times;
          else truth.served += one.times;
        }
      }
      await reader.go(400);
      const { told } = reader;
      // What nobody can tell from Haldane's own is charged, and compared with nothing.
      const counted = edges.handed ? (told.at(-1)?.budget.spent ?? 0) : failuresOf(told);
      const served = sum(({ real }) => real.control.requests + real.experiment.requests, told) - counted;
      if (counted < truth.failures) throw new Error(`${counted} failures were told of ${truth.failures}`);
      if (!edges.handed && counted > truth.failures + edges.failed)
        throw new Error(`${counted} failures were told of ${truth.failures}, and only ${edges.failed} of its own stood at an edge`);
      if (!edges.handed && served > truth.served) throw new Error(`${served} were told as served of ${truth.served}`);
      const production = sum(({ real }) => real.production.requests, told);
      if (production !== truth.production) throw new Error(`${production} requests of production's were told of ${truth.production}`);
      if (told.some((block, n) => n > 0 && block.at !== (told[n - 1]?.at ?? 0) + 1)) throw new Error('a second is missing, or told twice');
      let spent = 0;
      for (const block of told) {
        spent += block.real.control.failures + block.real.experiment.failures;
        if (edges.handed ? block.budget.spent < spent : block.budget.spent !== spent)
          throw new Error(`in ${block.at} ${block.budget.spent} were said to be spent and ${spent} were`);
      }
      if (!edges.handed && counted === truth.failures && counted > 0) exact += 1;
    }),
    { numRuns: 60 },
  );
  t.ok(handed > 0 && exact > 0, `${handed} handed over, ${exact} lives counted exactly`);
});

test('a minute is told when it is old enough, whole, in its last second; one without requests is zeros, one that is not known is none', async (t) => {
  const clock = new VirtualClock(startMs);
  const balancer = simulatedBalancer(clock, () => 90_000);
  const reader = readerOf(balancer, clock);
  await clock.advance(10_000);
  balancer.users('experiment', 'failed', 3);
  balancer.users('experiment', 'ok', 5);
  balancer.users('production', 'moved', 2);
  await reader.go(165);
  t.same(reader.told, [], 'after 175 s it may still grow');
  await reader.go(5);
  t.equal(reader.told.length, 59, 'from the second after the first look on');
  const [last] = reader.told.slice(-1);
  t.match(last, { at: startMs / 1000 + 59, budget: { spent: 3, cap: 7, credit: 4 } });
  t.same([last?.real.experiment.classes, last?.real.production.requests], [[5, 0, 0, 0, 0, 0, 3, 0], 2]);
  t.equal(
    sum(({ real }) => real.experiment.requests, reader.told),
    8,
    'the other seconds hold nothing',
  );
  await reader.go(60);
  t.equal(reader.told.length, 119);
  t.equal(reader.told.at(-1)?.real.experiment.requests, 0, 'nobody came, and that is known');
  balancer.dark.add(meters.groups.control[0] ?? '');
  t.match(await reader.go(120), { state: 'unavailable', why: /knows nothing of targetgroup\/haldane-r1-control\/3 in the minute of/ });
  t.equal(reader.told.length, 119, 'no second is told as if nobody had come');
  balancer.dark.clear();
  await reader.go(15);
  t.equal(reader.told.length, 239, 'once it is known all of it is told');
});

test('a minute in which CloudWatch tells fewer answers than Haldane itself was given is not whole', async (t) => {
  const clock = new VirtualClock(startMs);
  const balancer = simulatedBalancer(clock, () => 150_000);
  const reader = readerOf(balancer, clock);
  await clock.advance(20_000);
  for (let n = 0; n < 4; n += 1) balancer.probe('control', 'refused', 0);
  balancer.users('control', 'failed', 1);
  const early = await reader.go(175);
  t.match(early, {
    state: 'unavailable',
    why: /tells 0 answers of control in the minute of \d\d:\d\d, and Haldane itself was given 4 there/,
  });
  await reader.go(20);
  t.same([failuresOf(reader.told), reader.told.at(-1)?.budget.spent], [1, 1], 'the failure of a user is told with the rest');
  t.equal(
    sum(({ real }) => real.control.requests, reader.told),
    1,
    'and none of its own',
  );
});

test('what grows after it was told is told with the next minute, once', async (t) => {
  const clock = new VirtualClock(startMs);
  const balancer = simulatedBalancer(clock, () => 0);
  const reader = readerOf(balancer, clock);
  await clock.advance(5_000);
  balancer.users('experiment', 'failed', 2);
  const [group = ''] = meters.groups.experiment;
  // Four minutes late.
  balancer.count(group, 'RequestCount', 3, clock.now() + 240_000);
  balancer.count(group, 'HTTPCode_Target_5XX_Count', 3, clock.now() + 240_000);
  await reader.go(230);
  t.equal(failuresOf(reader.told), 2);
  await reader.go(300);
  t.equal(failuresOf(reader.told), 5);
  t.equal(reader.told.at(-1)?.budget.spent, 5);
});

test('what users are told to suffer is what they suffer, however unlike Haldane’s own requests are in the two arms', async (t) => {
  const clock = new VirtualClock(startMs + 23_000);
  const balancer = simulatedBalancer(clock, () => 20_000);
  const reader = readerOf(balancer, clock);
  const usersPerSecond = 2;
  const failEvery = { control: 100, experiment: 60 };
  const given = { control: 0, experiment: 0 };
  const failedAt = { control: [] as number[], experiment: [] as number[] };
  for (let second = 0; second < 900; second += 1) {
    await clock.advance(1_000);
    for (const arm of ['control', 'experiment'] as const) {
      for (let n = 0; n < usersPerSecond; n += 1) {
        given[arm] += 1;
        const fails = given[arm] % failEvery[arm] === 0;
        if (fails) failedAt[arm].push(clock.now() / 1000);
        balancer.users(arm, fails ? 'failed' : 'ok', 1);
      }
      for (let n = 0; n < 2; n += 1) balancer.probe(arm, 'ok', 40);
      // Where the hostile request is itself the change, control is sent its valid twin.
      for (let n = 0; n < 20; n += 1) balancer.probe(arm, arm === 'control' ? 'ok' : 'refused', 40);
    }
    await reader.look();
  }
  const rate = (arm: 'control' | 'experiment', blocks: readonly TrafficBlock[]) =>
    sum(({ real }) => real[arm].failures, blocks) / sum(({ real }) => real[arm].requests, blocks);
  // The baseline's first two minutes bear what is taken out at the edge.
  const from = startMs / 1000 + 120;
  const watched = reader.told.filter(({ at }) => at >= from);
  const until = watched.at(-1)?.at ?? 0;
  for (const arm of ['control', 'experiment'] as const) {
    const truth = failedAt[arm].filter((at) => at >= from && at < until + 1).length / (watched.length * usersPerSecond);
    const told = rate(arm, watched);
    t.ok(
      Math.abs(told / truth - 1) < 0.01,
      `${(100 * told).toFixed(2)} % of ${arm} are told while it is watched, ${(100 * truth).toFixed(2)} % it is`,
    );
  }
  await reader.go(300);
  t.equal(
    sum(({ real }) => real.control.requests + real.experiment.requests, reader.told),
    given.control + given.experiment,
    'and once nothing more of its own is sent, every user is told',
  );
});

test('minutes of which a hand-over lost what Haldane itself was answered are charged, compared with nothing, and give no credit', async (t) => {
  const clock = new VirtualClock(startMs);
  const balancer = simulatedBalancer(clock, () => 0);
  const reader = readerOf(balancer, clock);
  for (let second = 0; second < 900; second += 1) {
    await clock.advance(1_000);
    balancer.users('control', 'ok', 1);
    balancer.users('experiment', second % 30 === 0 ? 'failed' : 'ok', 1);
    balancer.probe('control', 'ok', 0);
    balancer.probe('experiment', 'failed', 0);
    if (second === 450) reader.handOver();
    await reader.look();
  }
  await reader.go(300);
  const minutes = reader.told.filter(({ at }) => at % 60 === 59 && at < startMs / 1000 + 900);
  const lost = minutes.filter(({ real }) => real.control.requests === 0);
  t.same(
    [lost.length, lost.map(({ real }) => real.experiment.requests)],
    [3, [0, 0, 0]],
    'of three minutes nobody knows whose requests they were',
  );
  const credits = minutes.map(({ budget }) => budget.credit);
  const first = minutes.indexOf(lost[0] as TrafficBlock);
  t.same(credits.slice(first, first + 3), [credits[first - 1], credits[first - 1], credits[first - 1]]);
  const spent = reader.told.at(-1)?.budget.spent ?? 0;
  t.ok(spent >= 30 && failuresOf(reader.told) < 30, `${spent} are charged of 30 failures of users, ${failuresOf(reader.told)} compared`);
});

test('counts that are published one after the other are no failures: a minute with unanswered requests is looked at twice, and what was told too many is set off', async (t) => {
  const clock = new VirtualClock(startMs);
  let codesLate = 125_000;
  const balancer = simulatedBalancer(clock, (metric) => (metric === 'RequestCount' ? 5_000 : codesLate));
  const reader = readerOf(balancer, clock);
  await clock.advance(10_000);
  balancer.users('control', 'ok', 20);
  t.match(await reader.go(170), {
    state: 'unavailable',
    why: /tells no answer yet to requests in the minute of .* \(0, 20, 0 of production/,
  });
  await reader.go(30);
  t.same([reader.told.at(-1)?.real.control.requests, failuresOf(reader.told)], [20, 0]);
  // So late that two looks were alike.
  codesLate = 180_000;
  balancer.users('control', 'ok', 9);
  balancer.users('control', 'failed', 1);
  await reader.go(210);
  t.equal(failuresOf(reader.told), 10, 'nobody answered, as far as is known');
  balancer.users('control', 'silent', 12);
  codesLate = 0;
  balancer.users('control', 'ok', 1);
  await reader.go(300);
  t.equal(failuresOf(reader.told), 13, 'nine of them were answered after all');
  t.equal(reader.told.at(-1)?.budget.spent, 13);
  t.equal(
    sum(({ real }) => real.control.requests, reader.told),
    20 + 10 + 12 + 1,
    'and nobody is told twice',
  );
});

test('where Haldane’s own requests fail, by a target or by the balancer for it, no user is charged with them', async (t) => {
  const clock = new VirtualClock(startMs);
  const balancer = simulatedBalancer(clock, () => 10_000);
  const reader = readerOf(balancer, clock);
  await clock.advance(30_000);
  for (let n = 0; n < 5; n += 1) balancer.probe('experiment', 'failed', 0);
  // One more that no target answered: Haldane was told 502 by the balancer, of which the group's codes know nothing.
  const [group = ''] = meters.groups.experiment;
  balancer.count(group, 'HTTPCode_Target_5XX_Count', -1);
  await reader.go(200);
  t.ok(reader.told.length > 0);
  t.equal(failuresOf(reader.told), 0);
});

/** What AWS documents of GetMetricData's answers: recorded shapes, not moto's, which is always complete and never throttles. */
test('recorded answers: pages are put together; part of an answer, a message, a throttled and a denied call are no answer', async (t) => {
  const at = [new Date(60_000)];
  const pages = (...all: readonly Page[]) => {
    const tokens: (string | undefined)[] = [];
    const ask = wholeAnswers(async ({ token }) => {
      tokens.push(token);
      return all[tokens.length - 1] ?? {};
    });
    return { tokens, read: () => ask('app/a/1', [{ group: 'g', metric: 'RequestCount', stat: 'Sum' }], 0, 600, signal) };
  };
  const whole = pages(
    { MetricDataResults: [{ Id: 'm0', StatusCode: 'PartialData', Timestamps: at, Values: [4] }], NextToken: 'next' },
    { MetricDataResults: [{ Id: 'm0', StatusCode: 'Complete', Timestamps: [new Date(120_000)], Values: [5] }] },
  );
  t.same(
    [...((await whole.read())[0] ?? [])],
    [
      [60, 4],
      [120, 5],
    ],
  );
  t.same(whole.tokens, [undefined, 'next']);
  const noAnswers: readonly (readonly [Page, RegExp, string])[] = [
    [
      { MetricDataResults: [{ Id: 'm0', StatusCode: 'PartialData', Timestamps: at, Values: [4] }] },
      /not tell all of RequestCount of g \(PartialData\)/,
      'unavailable',
    ],
    [{ MetricDataResults: [{ Id: 'm0', StatusCode: 'InternalError' }] }, /\(InternalError\)/, 'unavailable'],
    [{ MetricDataResults: [{ Id: 'm0', StatusCode: 'Forbidden' }] }, /\(Forbidden\)/, 'denied'],
    [
      { MetricDataResults: [{ Id: 'm0', StatusCode: 'Complete', Timestamps: [...at, new Date(120_000)], Values: [4] }] },
      /no value of RequestCount of g for 1970-01-01T00:02/,
      'unavailable',
    ],
    [{ MetricDataResults: [] }, /\(not told\)/, 'unavailable'],
    [
      {
        MetricDataResults: [{ Id: 'm0', StatusCode: 'Complete' }],
        Messages: [{ Code: 'MaxMetricsExceeded', Value: 'The maximum number of metrics was exceeded' }],
      },
      /MaxMetricsExceeded: The maximum/,
      'unavailable',
    ],
  ];
  for (const [page, message, code] of noAnswers) await t.rejects(pages(page).read(), { code, message });
  const endless = pages(...Array.from({ length: 30 }, () => ({ NextToken: 'on' })));
  await t.rejects(endless.read(), { code: 'unavailable', message: /goes on after 20 pages/ });
});

test('recorded refusals over HTTP: throttled and denied are told apart, and name the right that is missing', async (t) => {
  const url = await answering(t, (n) =>
    n === 1
      ? { status: 400, error: 'ThrottlingException', said: 'Rate exceeded' }
      : { status: 400, error: 'AccessDeniedException', said: 'not authorized to perform: cloudwatch:GetMetricData' },
  );
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const ask = connectCloudWatch({ region: 'eu-west-1', endpoint: url, credentials, tries: 1 });
  const read = () => ask('app/a/1', [{ group: 'g', metric: 'RequestCount', stat: 'Sum' }], 0, 600, signal);
  await t.rejects(read(), { code: 'throttled', message: /GetMetricData: ThrottlingException: Rate exceeded/ });
  await t.rejects(read(), { code: 'denied', message: /own principal cloudwatch:GetMetricData/ });
  const silent = connectCloudWatch({ region: 'eu-west-1', endpoint: 'http://127.0.0.1:1', credentials, tries: 1 });
  const clock = new VirtualClock(startMs);
  const reader = readerOf(
    simulatedBalancer(clock, () => 0),
    clock,
    { ask: silent },
  );
  t.match(await reader.go(200), { state: 'unavailable', why: /GetMetricData/ }, 'silence is no data');
  let tries = 0;
  const throttled = async () => {
    tries += 1;
    return Promise.reject(new HaldaneError('throttled', 'AWS elasticloadbalancing DescribeRules: Throttling'));
  };
  t.match(
    await readerOf(
      simulatedBalancer(clock, () => 0),
      clock,
      { metersOf: throttled },
    ).go(60),
    { state: 'unavailable', why: /Throttling/ },
  );
  t.equal(tries, 6, 'whoever is throttled is asked each ten seconds');
});

test('the plan says how late failures are known, proposes who knows sooner, and refuses what would be told too late, or never', async (t) => {
  const clock = new VirtualClock(startMs);
  const balancer = simulatedBalancer(clock, () => 0);
  await clock.advance(20 * 60_000);
  const deployment = { route: 'shop-alb:443' } as Deployment;
  const adviceOf = (lengths: typeof spec, more: Partial<CloudWatchOptions> = {}) =>
    readerOf(balancer, clock, more).source.advise?.(deployment, 10, signal, lengths);
  const advice = await adviceOf(spec);
  t.match(advice, {
    caps: [
      {
        name: 'failures of real users, both arms together',
        enforcedBy: /120 s after its end, so a failure is known up to 200 s late, and about 2000 requests/,
      },
      { enforcedBy: /nobody/ },
      { enforcedBy: /nobody/ },
    ],
    refusals: [],
  });
  t.match(advice?.notes.join(' '), /Faster: metrics: prometheus .* side door with metrics: router/);
  t.match(advice?.notes.join(' '), /HTTPCode_ELB_\*\) belongs to no arm/);
  t.match(await adviceOf({ baselineSeconds: 60, watchSeconds: 240 }), {
    refusals: [
      /^baseline: 60 s is shorter than two minutes.*write baseline: 2m$/,
      /^watch: 240 s is over before .* \(260 s\); write watch: 5m or more/,
    ],
  });
  const refused = async () => Promise.reject(new HaldaneError('refused', 'platform local has no balancer'));
  t.match(await adviceOf(spec, { metersOf: refused }), { refusals: [/^metrics: cloudwatch: platform local has no balancer/] });
  for (const group of meters.groups.production) balancer.dark.add(group);
  t.match(await adviceOf(spec), { refusals: [/knows nothing of targetgroup\/shop\/1, targetgroup\/shop-blue\/2 behind app\/shop-alb/] });
});

/** A server that refuses as CloudWatch does, in the words of its JSON protocol. */
async function answering(
  t: Test,
  of: (n: number) => { readonly status: number; readonly error: string; readonly said: string },
): Promise<string> {
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      asked += 1;
      const { status, error, said } = of(asked);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify({ __type: error, message: said }));
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

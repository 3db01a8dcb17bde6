import { type Arm, arms, type ProbeSecond, type Tally, type TrafficBlock } from '@haldane/core';
import { drive, holdLease } from '@haldane/engine';
import { type Hand, story, type World } from '@haldane/experiment';
import { haldane1 } from '@haldane/judge';
import { cloudWatchMetrics, withContacts } from '@haldane/metrics';
import { type LabOptions, labLeaseMs, type MemoryMetrics, memoryLab } from '@haldane/testkit';
import { test } from 'tap';

/*
 * Whole runs whose users are counted as a balancer publishes them: by the minute, late, and with Haldane's own requests among them. The real engine, story,
 * judge and source; what CloudWatch knows follows from what the laboratory's users and probes were answered.
 */

const runId = 'r1';
const settleSeconds = 60;
const lateSeconds = 60 + settleSeconds + 20;
const meters = {
  balancer: 'app/shop/1',
  groups: { production: ['targetgroup/p/1'], control: ['targetgroup/c/2'], experiment: ['targetgroup/e/3'] },
};

async function live(
  options: LabOptions & { readonly flaps?: boolean; readonly dies?: boolean; readonly darkens?: boolean; readonly opens?: boolean },
) {
  /** The experiment's door opens when users have been back for so long. */
  const opensAfter = 30;
  let opensAt = Number.POSITIVE_INFINITY;
  const opening: LabOptions['script'] = (_who, faulted, second) => (faulted && second >= opensAt ? { lettingIn: 1 } : {});
  const lab = memoryLab({
    ...options,
    ...(options.opens ? { script: opening } : {}),
    spec: { metrics: 'cloudwatch', baselineSeconds: 120, watchSeconds: 600, ...options.spec },
  });
  const { clock, stores, platform, spec, metrics: truth } = lab;
  const own = new Map<number, ProbeSecond>();
  let darkAt: number | null = null;
  const counted = cloudWatchMetrics({
    clock,
    settleSeconds,
    metersOf: async () => meters,
    runOf: async () => ({ production: '', instances: { control: 2, experiment: 2 }, failures: spec.budget.failures, creditRate: 0 }),
    countedOf: async () => ({ at: 0, spent: 0, requests: 0 }),
    ask: async (_balancer, wanted, from, to) => {
      if (darkAt !== null) throw new Error('CloudWatch is dark');
      const blocks = await happened(truth, from - 1);
      return wanted.map(({ group, metric }) => {
        const role = group === 'targetgroup/p/1' ? 'production' : group === 'targetgroup/c/2' ? 'control' : 'experiment';
        const values = new Map<number, number>();
        for (let minute = from; minute < to; minute += 60) {
          const users = blocks.filter(({ at }) => at >= minute && at < minute + 60).map(({ real }) => real[role]);
          const ours =
            role === 'production'
              ? []
              : [...own.values()].filter(({ at }) => at >= minute && at < minute + 60).flatMap((one) => ofArm(one, role));
          const value = metric === 'HealthyHostCount' ? 2 : sum([...users, ...ours], metric);
          if (value > 0) values.set(minute, value);
        }
        return values;
      });
    },
  });
  const metrics = withContacts(
    {
      ...counted,
      sent(id, seconds) {
        for (const one of seconds) own.set(one.at, one);
        counted.sent?.(id, seconds);
      },
    },
    async (_run, after) => {
      const blocks = new Map((await happened(truth, after)).map((block) => [block.at, block]));
      const none = { control: 0, experiment: 0 };
      const of = (at: number) => ({ dependencyCalls: blocks.get(at)?.dependencyCalls ?? none, met: blocks.get(at)?.met ?? none });
      return { through: Math.max(0, ...blocks.keys()), of };
    },
  );
  const published: unknown[] = [];
  let flapsLeft = options.flaps ? 1 : options.dies ? Number.POSITIVE_INFINITY : 0;
  let diedAt = Number.NaN;
  /** As it is, but for one look in the middle at which control's instances seem to be away, or all from then on. */
  const { clusters: truly } = platform;
  const describe: typeof truly.describe = async (name, signal) => {
    const state = await truly.describe(name, signal);
    if (state === null || flapsLeft === 0 || own.size < 500 || !name.endsWith('.control')) return state;
    flapsLeft -= 1;
    if (Number.isNaN(diedAt)) diedAt = Math.floor(clock.now() / 1000);
    return { ...state, instances: state.instances.map((one) => ({ ...one, healthy: false })) };
  };
  const clusters = Object.assign(Object.create(truly) as typeof truly, { describe });
  Object.defineProperty(platform, 'clusters', { value: clusters });
  const world: World = {
    ...lab,
    ...stores,
    metrics,
    alerts: null,
    judge: haldane1,
    kinds: platform.changeKinds,
    applyTimeoutMs: 5_000,
    publish: async (run) => void published.push(run),
  };
  await stores.runs.create({ id: runId, service: spec.service, environment: spec.environment, experiment: spec, key: null });
  const claim = await stores.runs.claim('test', labLeaseMs, 0);
  if (claim === null) throw new Error('the run could not be claimed');
  const renewEffects = (until: number) => platform.renew(runId, until);
  const hold = await holdLease(stores.runs, claim.fence, { leaseMs: labLeaseMs, renewEveryMs: 1_000, clock, renewEffects });
  const tell: Hand['tell'] = async (type, data) => {
    // Just told something: from here on it is silent.
    if (options.darkens && type === 'block' && (data as { phase?: unknown }).phase === 'observing') darkAt ??= clock.now();
    const { id, made } = data as { id?: unknown; made?: unknown };
    if (type === 'change' && /watch/.test(String(id)) && made === true) opensAt = Math.floor(clock.now() / 1000) + opensAfter;
    await stores.runs.tell(runId, type, data);
  };
  const hand: Hand = { hold, lost: hold.lost, tell };
  const { stages } = story(world, hand);
  const driving = drive(claim.run, stages, undefined, { ...world, clock, hold }).then(({ run }) => run);
  const run = await clock.until(driving).finally(() => hold.stop());
  return {
    run,
    spec,
    evidence: await stores.evidence.read(runId),
    users: await happened(truth, 0),
    flapsLeft,
    diedAt,
    darkAt,
    opensAt,
    leftovers: await platform.leftovers(runId),
  };
}

async function happened(truth: MemoryMetrics, after: number): Promise<readonly TrafficBlock[]> {
  const reading = await truth.read(runId, after);
  return reading.state === 'ok' ? reading.points : [];
}

function ofArm({ legitimate, hostile }: ProbeSecond, arm: Arm): readonly Pick<Tally, 'classes'>[] {
  return [legitimate[arm], hostile[arm]];
}

/** What a target group's metric says of answers by class. */
function sum(tallies: readonly Pick<Tally, 'classes'>[], metric: string): number {
  const classes = {
    HTTPCode_Target_2XX_Count: [0],
    HTTPCode_Target_3XX_Count: [1],
    HTTPCode_Target_4XX_Count: [2, 3, 4, 5],
    HTTPCode_Target_5XX_Count: [6],
  }[metric];
  const counted = metric === 'RequestCount' ? [0, 1, 2, 3, 4, 5, 6, 7] : (classes ?? []);
  return tallies.reduce((all, tally) => all + counted.reduce((some, index) => some + (tally.classes[index] ?? 0), 0), 0);
}

const failuresOf = (blocks: readonly TrafficBlock[]) =>
  blocks.reduce((all, { real }) => all + arms.reduce((some, arm) => some + real[arm].failures, 0), 0);

test('a sound service holds: users, probes and the fault are told apart in minutes that come late', async (t) => {
  const { run, evidence, users, leftovers, flapsLeft } = await live({ flaps: true });
  t.match([run.stop, run.facts.verdict?.verdict], [null, 'resilient'], run.facts.verdict?.headline ?? JSON.stringify(run.stop));
  t.same([leftovers, run.facts.restored?.clean], [[], true]);
  t.equal(flapsLeft, 0, 'and one look at which control was away does not end it, though a minute hangs on it');
  t.equal(evidence.blocks.filter(({ healthy }) => healthy.control === 0).length, 1, 'it costs one second');
  t.equal(failuresOf(evidence.blocks), 0, 'none of Haldane’s own failures is charged to users');
  const requests = (blocks: readonly TrafficBlock[]) => blocks.reduce((all, { real }) => all + real.experiment.requests, 0);
  t.equal(requests(evidence.blocks), requests(users), 'every user of the experiment is told, and no request of its own as one');
  t.notOk(
    evidence.blocks.some((block, n) => n > 0 && block.at !== (evidence.blocks[n - 1]?.at ?? 0) + 1),
    'each second once',
  );
});

test('an arm that dies is away in each second from then on, however late seconds are told', async (t) => {
  const { run, evidence, diedAt } = await live({ dies: true });
  t.match(run.stop, { reason: 'invalid-arms', why: /control, which was not changed, has been without all of its/ });
  const healthy = (blocks: typeof evidence.blocks) => [...new Set(blocks.map((block) => block.healthy.control))];
  t.same(healthy(evidence.blocks.filter(({ at }) => at >= diedAt)), [0]);
  t.same(healthy(evidence.blocks.filter(({ at }) => at < diedAt - 1)), [2]);
  const foundAfter = Math.floor((run.stop?.at ?? Number.NaN) / 1000) - diedAt;
  t.ok(foundAfter <= lateSeconds + 1, `${foundAfter} s after it died`);
});

test('a brittle one stops with its budget spent, as late as the plan has said, and what failed until users left is told too', async (t) => {
  const script: LabOptions['script'] = (_who, faulted) => (faulted ? { failing: 0.02 } : {});
  // So few of Haldane's own that they prove nothing before.
  const probes = { legitimateRate: 1, hostileRate: 20, cleanAnswers: 59 };
  const { run, evidence, users } = await live({ script, spec: { probes, budget: { failures: 10, latencyLimitMs: 2_000 } } });
  t.equal(run.stop?.reason, 'budget-spent', run.stop?.why ?? 'it did not stop');
  const spentAt = users.find(({ real }) => real.experiment.failures > 0)?.at ?? Number.NaN;
  const late = Math.floor((run.stop?.at ?? Number.NaN) / 1000) - spentAt;
  t.ok(late <= lateSeconds + 1, `${late} s after the first failure`);
  t.equal(failuresOf(evidence.blocks), failuresOf(users), 'every failure of a user is told, and nobody else’s');
});

test('a door that opens while users are back is known at once, however late they are counted, and they leave', async (t) => {
  const { run, evidence, opensAt } = await live({ opens: true });
  t.match([run.stop?.reason, run.facts.verdict?.verdict], ['breach', 'vulnerable'], run.stop?.why ?? 'it did not stop');
  t.match(run.stop?.why, /^a forged token .* was accepted on .* by the experiment$/);
  const after = Math.floor((run.facts.offAt ?? Number.NaN) / 1000) - opensAt;
  t.ok(after <= 5, `users had left ${after} s after it opened`);
  t.ok((evidence.blocks.at(-1)?.at ?? 0) > opensAt, 'and what happened until then is told all the same');
  t.match(run.facts.verdict?.held.why, /control refused the identical request, so the change caused it/);
});

test('when CloudWatch falls silent while users are watched, the run ends as soon as is said', async (t) => {
  const { run, darkAt } = await live({ darkens: true });
  t.match(run.stop, { reason: 'metrics-unavailable', why: /CloudWatch is dark/ });
  // A minute until the next is due, two looks, a minute more, and the three seconds of any source.
  const after = ((run.stop?.at ?? Number.NaN) - (darkAt ?? Number.NaN)) / 1000;
  t.ok(after > 60 && after <= 60 + 20 + 60 + 3 + 1, `${after} s after it told something last`);
});

test('a watch that would be over before anything of it is told is refused, and so is counting where nobody is exposed', async (t) => {
  const { run } = await live({ spec: { watchSeconds: 120 } });
  t.match(run.stop, { reason: 'refused', why: /watch: 120 s is over before metrics: cloudwatch has told a minute of it/ });
  const synthetic = await live({ spec: { exposure: 'synthetic' } });
  t.match(synthetic.run.stop, { reason: 'refused', why: /metrics: cloudwatch counts users at their balancer, .* write metrics: none/ });
});

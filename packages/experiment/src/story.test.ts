import {
  type Deployment,
  type ExperimentSpec,
  HaldaneError,
  isBack,
  type Phase,
  type Platform,
  plainSlice,
  type Run,
  type SafetyPolicy,
  type Surroundings,
  type TrafficBlock,
} from '@haldane/core';
import { drive, holdLease, type Stages } from '@haldane/engine';
import { haldane1, rejudge } from '@haldane/judge';
import { type LabOptions, labLeaseMs, type MemoryLab, type MemoryMetrics, memoryLab, overlapMs, type Span } from '@haldane/testkit';
import { type Test, test } from 'tap';
import { asItRuns, criteriaOf, type Hand, story, type World } from './index.ts';

/* Whole runs: the real engine drives the real story and the real judge; only what lies outside is in memory, on a clock that is moved. */

const runId = 'r1';

type Act = (lab: MemoryLab) => unknown;
type Life = LabOptions & {
  /** Before the run is created. */
  readonly given?: Act;
  /** When a phase is entered. */
  readonly at?: Partial<Record<Phase, Act>>;
  readonly policy?: SafetyPolicy;
  readonly surroundings?: Surroundings;
  /** The runner is told to end. */
  readonly handOver?: AbortSignal;
};

/** Drives one run to its end, or until it is handed over, and gives back everything that can be asked of it. */
async function live({ given, at = {}, policy, surroundings, handOver, ...options }: Life = {}) {
  const lab = memoryLab({ ...options, spec: { baselineSeconds: 5, watchSeconds: 12, ...options.spec } });
  const { clock, stores, platform, spec } = lab;
  await given?.(lab);
  const before = lab.world.look();
  const published: Run[] = [];
  const world: World = {
    ...lab,
    ...stores,
    alerts: spec.noticed === null ? null : lab.alerts,
    judge: haldane1,
    ...(policy === undefined ? {} : { policy }),
    ...(surroundings === undefined ? {} : { surroundings }),
    kinds: platform.changeKinds,
    applyTimeoutMs: 5_000,
    publish: async (run) => void published.push(run),
  };
  await stores.runs.create({ id: runId, service: spec.service, environment: spec.environment, experiment: spec, key: null });
  const claim = await stores.runs.claim('test', labLeaseMs, 0);
  if (claim === null) throw new Error('the run could not be claimed');
  const hold = await holdLease(stores.runs, claim.fence, {
    leaseMs: labLeaseMs,
    renewEveryMs: 1_000,
    clock,
    renewEffects: (until) => platform.renew(runId, until),
  });
  const hand: Hand = { hold, lost: hold.lost, tell: async (type, data) => void (await stores.runs.tell(runId, type, data)) };
  const { stages, leave } = story(world, hand);
  const driving = async () => {
    const deps = { ...world, clock, hold, ...(handOver && { handOver }) };
    const { end, run } = await drive(claim.run, entered(stages, at, lab), undefined, deps);
    if (end === 'handed-over') await leave(run);
    return run;
  };
  const run = await clock.until(driving()).finally(() => hold.stop());
  const [evidence, journal, events] = await Promise.all([
    stores.evidence.read(runId),
    stores.journal.entries(runId),
    stores.runs.events(runId, 0, 10_000),
  ]);
  const marks = new Map(evidence.marks.map((mark) => [mark.phase, mark.at]));
  /** From the first call of a stage to the first call of the next. */
  const phase = (name: Phase): Span => {
    const from = marks.get(name) ?? Number.NaN;
    const later = evidence.marks.filter((mark) => mark.at > from).map((mark) => mark.at);
    return { what: name, from, to: Math.min(...later, clock.now()) };
  };
  return { ...lab, world, run, evidence, journal, events, published, before, phase, verdict: run.facts.verdict };
}

function entered(stages: Stages<undefined>, at: Life['at'], lab: MemoryLab): Stages<undefined> {
  const seen = new Set<Phase>();
  const wrapped = Object.entries(stages).map(([phase, stage]) => [
    phase,
    async (...args: Parameters<typeof stage>) => {
      if (!seen.has(phase as Phase)) await at?.[phase as Phase]?.(lab);
      seen.add(phase as Phase);
      return stage(...args);
    },
  ]);
  return Object.fromEntries(wrapped) as Stages<undefined>;
}

type Lived = Awaited<ReturnType<typeof live>>;

/** What holds of every run, however it ended. */
async function endsWhole(t: Test, lived: Lived) {
  const { run, journal, platform, prober, stores, spec } = lived;
  t.equal(run.phase, 'done');
  t.same(await platform.leftovers(runId), [], 'nothing of the run is left');
  t.same(
    journal.filter(({ state }) => state !== 'reverted').map(({ change }) => change.id),
    [],
    'all that was made is marked as put back',
  );
  t.equal(prober.open, 0, 'no stream goes on');
  t.same(
    lived.history.spans('flow:').filter(({ to }) => to === null),
    [],
  );
  const next = { id: 'r2', service: spec.service, environment: spec.environment, experiment: spec, key: null };
  t.equal((await stores.runs.create(next)).phase, 'planning', 'the service is free again');
}

/**
 * Real users stand in an arm only before the experiment is attacked, or after it was shown to refuse what it must. Gives back how many
 * seconds were seen in between.
 */
function usersAreSafe(t: Test, { history, evidence, run }: Lived): number {
  const slices = history.spans(`slice:${runId}.`);
  const [baseline, watch, ...others] = slices;
  t.equal(others.length, run.facts.injectedAt === undefined ? 0 : others.filter(({ what }) => what.includes('.watch')).length);
  if (baseline !== undefined && watch !== undefined) t.equal(overlapMs(baseline, watch), 0, 'and never two at once');
  const injectedAt = run.facts.injectedAt;
  if (injectedAt === undefined) return 0;
  t.ok(baseline?.to !== null && (baseline?.to ?? Number.POSITIVE_INFINITY) <= injectedAt, 'users left before the harm was made');
  const shown = evidence.marks.find((mark) => mark.phase === 'observing')?.at ?? Number.POSITIVE_INFINITY;
  t.ok((watch?.from ?? shown) >= shown, 'and came back only after the proof');
  for (const fault of history.spans(`fault:${runId}.`))
    t.equal(overlapMs(fault, baseline ?? { from: 0, to: 0 }), 0, 'no user of the baseline met it');
  const between = evidence.blocks.filter(({ at }) => at * 1000 >= injectedAt && (at + 1) * 1000 <= shown);
  for (const { at, real } of between) t.equal(real.control.requests + real.experiment.requests, 0, `second ${at} held no user`);
  return between.length;
}

const whenFaulted =
  (conduct: ReturnType<NonNullable<LabOptions['script']>>): NonNullable<LabOptions['script']> =>
  (_who, faulted) =>
    faulted ? conduct : {};

const noticed = {
  source: 'memory',
  expect: { rules: ['keys-failing'], receiver: 'oncall', withinSeconds: 5, fields: ['instance', 'owner'] },
  heartbeatWithinSeconds: 2,
};

test('control may be larger: more instances, more users, the same verdict', async (t) => {
  const lived = await live({ spec: { controlTimes: 3 } });
  await endsWhole(t, lived);
  t.equal(lived.verdict?.verdict, 'resilient', lived.run.stop?.why ?? lived.verdict?.headline ?? 'no verdict');
  t.equal(lived.evidence.instances.control.length, 6);
  t.equal(lived.evidence.instances.experiment.length, 2);
  const { requests } = lived.verdict?.record ?? { requests: { control: 0, experiment: 1 } };
  t.ok(Math.abs(requests.control / requests.experiment - 3) < 0.1, `${requests.control} and ${requests.experiment} requests`);
});

test('a sound service goes the whole way: every phase once, every fact learned, and a verdict that anybody can make again', async (t) => {
  const lived = await live({ spec: { noticed } });
  const { run, evidence, world, verdict, history } = lived;
  await endsWhole(t, lived);
  t.ok(usersAreSafe(t, lived) > 0, 'seconds were seen between the harm and the proof');
  t.equal(run.stop, null);
  t.equal(verdict?.verdict, 'resilient', verdict?.headline ?? 'no verdict');
  t.match(verdict?.noticed, { mark: 'yes', result: 'in-time' });
  t.same(
    evidence.marks.map(({ phase }) => phase),
    ['planning', 'provisioning', 'routing', 'baseline', 'injecting', 'proving', 'observing', 'restoring', 'judging', 'reporting'],
  );
  t.same(
    evidence.checks.map(({ name, passed }) => `${name} ${passed}`),
    ['arms-equal true', 'heartbeat true', 'effect true', 'heal true', 'interference true', 'leftovers true'],
  );
  t.same(evidence.instances, { control: ['r1.control-0', 'r1.control-1'], experiment: ['r1.experiment-0', 'r1.experiment-1'] });
  t.ok(evidence.features.length > 0, 'what synthetic answers looked like is kept');
  const watched = evidence.blocks.filter(({ phase }) => phase === 'observing');
  t.ok(watched.length >= 12, `the whole watch was seen, its last second too: ${watched.length}`);
  t.same(
    evidence.blocks.map(({ at }) => at),
    evidence.blocks.map((_, index) => (evidence.blocks[0]?.at ?? 0) + index),
    'each second once, in order',
  );
  t.ok((run.facts.offAt ?? 0) >= (run.facts.decidedAt ?? Number.POSITIVE_INFINITY), 'first the decision, then nobody is there');

  const criteria = criteriaOf(run, world.platform, world.scenario);
  t.equal(criteria.changes, 1);
  t.equal(criteria.timeConstantSeconds, 3);
  const again = rejudge(criteria, JSON.parse(JSON.stringify(evidence)), {
    stop: run.stop,
    injectedAt: run.facts.injectedAt ?? null,
    restored: { clean: true, stuck: [] },
  });
  t.same(JSON.parse(JSON.stringify(again)), verdict, 'the same verdict, bit for bit');
  t.same(
    lived.published.map(({ phase, facts }) => [phase, facts.verdict?.verdict]),
    [['reporting', 'resilient']],
    'the owner was told once, with the verdict',
  );
  t.equal(history.spans(`fault:${runId}.control`).length, 0, 'control never had a fault');
});

test('a plan is what then happens: the same changes, in the same order', async (t) => {
  const { run, journal } = await live();
  t.same(
    journal.map(({ change }) => change.id),
    run.facts.plan?.changes.map(({ id }) => id),
  );
});

test('a run that is refused touches nothing', async (t) => {
  const lived = await live({ deployment: { optIn: [] } });
  t.match(lived.run.stop, { reason: 'refused', why: /not opted in to keys-away/ });
  t.equal(lived.run.phase, 'done');
  t.same(lived.journal, []);
  t.same(
    lived.history.spans('').filter(({ what }) => what.includes(runId)),
    [],
  );
  t.equal(lived.verdict, undefined);
  t.ok(lived.run.facts.plan?.refusals.length, 'the plan says why');
});

test('the policy is asked in the plan and again before each stage, and what was set aside is settled', async (t) => {
  const settled: [string, number][] = [];
  const policy = (allows: (asked: number) => boolean, money: string | null = null) => {
    let asked = 0;
    const told: SafetyPolicy = {
      objections: async () => {
        asked += 1;
        return allows(asked) ? [] : ['policy "nights": it is late'];
      },
      disturbances: async () => [],
      unapproved: async () => false,
      reserve: async () => money,
      settle: async (...given) => void settled.push(given),
    };
    return told;
  };
  const refused = await live({ policy: policy(() => false) });
  t.match(refused.run, {
    phase: 'done',
    stop: { reason: 'refused', why: 'policy "nights": it is late' },
    facts: { plan: { refusals: ['policy "nights": it is late'] } },
  });
  t.same(refused.journal, []);
  const poor = await live({ policy: policy(() => true, 'the month is spent') });
  t.match(poor.run.stop, { reason: 'refused', why: 'the month is spent' });
  t.same(poor.journal, []);
  t.same(settled, [], 'nothing was set aside');

  // Planning, provisioning and routing are allowed; then the window closes.
  const late = await live({ policy: policy((asked) => asked <= 3) });
  t.match(late.run, { phase: 'done', stop: { reason: 'refused' }, facts: { restored: { clean: true } } });
  t.equal(late.run.facts.injectedAt, undefined, 'no harm was done');
  t.ok(late.journal.length > 0 && late.journal.every(({ state }) => state === 'reverted'), 'and all of it is back');
  t.same(settled.splice(0), [[runId, 0]]);

  const harmed = await live({ policy: policy(() => true), script: whenFaulted({ failing: 0.5 }) });
  t.same(settled, [[runId, harmed.evidence.blocks.at(-1)?.budget.spent]]);
  t.ok((settled[0]?.[1] ?? 0) > 0);
});

test('a door that opens under the fault ends the run with nobody behind it', async (t) => {
  const lived = await live({ script: whenFaulted({ lettingIn: 1 }) });
  const { run, verdict, evidence, history } = lived;
  await endsWhole(t, lived);
  t.ok(usersAreSafe(t, lived) > 0, 'seconds were seen between the harm and the proof');
  t.equal(run.stop?.reason, 'breach');
  t.equal(verdict?.verdict, 'vulnerable');
  t.equal(verdict?.held.mark, 'no');
  t.equal(history.spans(`slice:${runId}.watch`).length, 0, 'users never came back');
  t.ok(evidence.accepts.some(({ arm, confirmation }) => arm === 'experiment' && confirmation === 'denied'));
  t.equal(evidence.effectAt !== null, true);
});

test('users who fail under the fault spend the budget and no more, and then have left', async (t) => {
  const lived = await live({
    script: whenFaulted({ failing: 0.5 }),
  });
  const { run, verdict, evidence, spec, history } = lived;
  await endsWhole(t, lived);
  usersAreSafe(t, lived);
  t.equal(run.stop?.reason, 'budget-spent');
  t.equal(Math.max(...evidence.blocks.map(({ budget }) => budget.spent)), spec.budget.failures, 'the last unit was spent');
  t.equal(
    evidence.blocks.reduce((sum, { real }) => sum + real.control.failures + real.experiment.failures, 0),
    spec.budget.failures,
    'and none beyond it',
  );
  t.not(verdict?.served.mark, 'yes');
  t.equal(history.spans(`slice:${runId}.watch`)[0]?.to, run.facts.offAt);
});

test('a spent budget ends the watch before the second in which it was spent is closed', async (t) => {
  const spent = { spent: 5, cap: 5, credit: 0 };
  const lived = await live({ at: { observing: ({ metrics }: MemoryLab) => (metrics.hears = spent) } });
  await endsWhole(t, lived);
  t.match(lived.run.stop, { reason: 'budget-spent', why: /5 of 5/ });
  t.ok((lived.run.stop?.at ?? Number.POSITIVE_INFINITY) - lived.phase('observing').from < 1_000, 'the first second was still open');
});

test('silence is never a pass: a metric source that stops answering stops the run', async (t) => {
  for (const phase of ['baseline', 'proving', 'observing'] as const) {
    const lived = await live({ at: { [phase]: ({ metrics }: MemoryLab) => (metrics.silent = 'connection refused') } });
    await endsWhole(t, lived);
    t.match(lived.run.stop, { reason: 'metrics-unavailable', why: /connection refused/ }, phase);
    t.not(lived.verdict?.verdict, 'resilient');
    const silentFor = (lived.run.stop?.at ?? 0) - lived.phase(phase).from;
    t.ok(silentFor > 2_000 && silentFor < 5_000, `${phase}: ${silentFor} ms`);
  }
});

test('arms that never become healthy are an error, and are put back', async (t) => {
  const lived = await live({ given: ({ platform }) => platform.sick.add(`${runId}.control`) });
  await endsWhole(t, lived);
  t.match(lived.run.stop, { reason: 'error', why: /did not become healthy in \d+ s: control 0 of 2 healthy, experiment 2 of 2/ });
  t.ok((lived.run.stop?.at ?? Number.POSITIVE_INFINITY) - lived.phase('provisioning').from < 100_000, 'within a minute and a half');
  t.equal(lived.history.spans('slice:').length, 0);
  t.equal(lived.verdict?.verdict, 'inconclusive');
});

test('a change that cannot be made is an error, whichever it is, and everything before it is put back', async (t) => {
  for (const kind of ['memory.proxy', 'memory.cluster', 'memory.attach', 'memory.slice', 'memory.fault']) {
    const fail = ({ platform }: MemoryLab) => {
      platform.hinder = (act, what) => {
        if (act === 'apply' && what === kind) throw new Error(`no ${kind} today`);
      };
    };
    const lived = await live({ given: fail });
    await endsWhole(t, lived);
    t.match(lived.run.stop, { reason: 'error', why: `no ${kind} today` }, kind);
    t.equal(lived.run.facts.restored?.clean, true);
    t.equal(lived.run.facts.injectedAt !== undefined, kind === 'memory.fault', 'a harm that may have been made has its moment');
  }
});

test('what cannot be put back is stuck: a person is told, the service stays taken, and it is tried until it is back', async (t) => {
  let taken: unknown;
  let leftWhileStuck: readonly string[] = [];
  const lived = await live({
    at: {
      restoring: ({ platform }) => {
        platform.hinder = (act, kind) => {
          if (act === 'revert' && kind === 'memory.fault') throw new Error('the proxy does not answer');
        };
      },
      reporting: async ({ platform, stores, spec }) => {
        leftWhileStuck = await platform.leftovers(runId);
        const next = { id: 'r2', service: spec.service, environment: spec.environment, experiment: spec, key: null };
        taken = await stores.runs.create(next).catch((error: unknown) => error);
        platform.hinder = () => {};
      },
    },
  });
  const { run, events, history } = lived;
  t.match(taken, { code: 'service-taken' });
  t.ok(leftWhileStuck.includes(`cluster ${runId}.experiment`), 'what it stands on was kept');
  t.notOk(
    leftWhileStuck.some((what) => what.startsWith('slice')),
    'but users had left',
  );
  t.match(run.facts.restored, { clean: false });
  t.match(run.facts.restored?.stuck.join('; '), /fault:experiment:keys: the proxy does not answer/);
  t.equal(isBack(run.facts), true, 'as it was found at first; by now it is back');
  t.ok(events.some(({ type }) => type === 'stuck'));
  t.match(events.filter(({ type }) => type === 'restored').at(-1)?.data, { clean: true });
  t.match(lived.verdict?.reasons.join('\n'), /not everything could be put back/);
  const [watch] = history.spans(`slice:${runId}.watch`);
  t.equal(watch?.to, lived.phase('restoring').from, 'users left at once, not at the deadline');
  await endsWhole(t, lived);
});

test('an abort is heard in every phase before restoring, and hinders nothing after it', async (t) => {
  const stoppable: readonly Phase[] = ['planning', 'provisioning', 'routing', 'baseline', 'injecting', 'proving', 'observing'];
  for (const phase of [...stoppable, 'restoring', 'judging', 'reporting'] as const) {
    const lived = await live({ at: { [phase]: ({ stores }: MemoryLab) => stores.runs.askAbort(runId, 'enough') } });
    await endsWhole(t, lived);
    if (stoppable.includes(phase)) t.match(lived.run.stop, { reason: 'operator', why: 'enough' }, phase);
    else t.equal(lived.run.stop, null, phase);
    if (phase !== 'planning') usersAreSafe(t, lived);
  }
});

test('whether it was noticed: a dead alert pipeline, a missed alert and a late one are three things', async (t) => {
  const told = async (given: Act, deployment = {}) => {
    const lived = await live({ spec: { noticed }, given, deployment });
    await endsWhole(t, lived);
    return lived.verdict;
  };
  t.match(await told(({ alerts }) => (alerts.heartbeatAfterMs = null)), {
    verdict: 'inconclusive',
    noticed: { result: 'pipeline-broken' },
  });
  t.match(await told(({ alerts }) => (alerts.faultAfterMs = null)), { verdict: 'vulnerable', noticed: { mark: 'no', result: 'missed' } });
  t.match(await told(({ alerts }) => (alerts.faultAfterMs = 5_500)), { verdict: 'vulnerable', noticed: { mark: 'no', result: 'late' } });
  const synthetic = { ...memoryLab().pipeline.live.synthetic, heartbeat: null };
  t.match(await told(() => {}, { synthetic }), { noticed: { result: 'pipeline-broken', why: /no heartbeat request is declared/ } });
});

test('an inbox that cannot be read is not one in which nothing arrived', async (t) => {
  const inboxOf = ({ evidence }: Lived) =>
    evidence.checks.filter(({ name }) => name === 'inbox').map(({ passed, seen }) => ({ passed, seen }));
  const away: Act = ({ alerts }) => (alerts.unreadable = 'the database is away');
  const back: Act = ({ alerts }) => (alerts.unreadable = null);

  const gone = await live({ spec: { noticed }, at: { injecting: away } });
  await endsWhole(t, gone);
  t.match(gone.verdict, { verdict: 'inconclusive', noticed: { mark: 'unknown', result: 'pipeline-broken', why: /the database is away/ } });
  t.same(inboxOf(gone), [{ passed: false, seen: 'alerts at memory could not be read: the database is away' }], 'said once');

  const again = await live({ spec: { noticed }, at: { injecting: away, restoring: back } });
  t.match(again.verdict, { verdict: 'resilient', noticed: { mark: 'yes', result: 'in-time' } }, 'what came meanwhile is read then');
  t.same(
    inboxOf(again).map(({ passed }) => passed),
    [false, true],
  );

  let refusals = 0;
  const refuse: Act = ({ stores: { evidence } }) => {
    const append = evidence.append.bind(evidence);
    evidence.append = async (fence, part) => {
      if (part.checks?.some(({ name }) => name === 'inbox') && refusals-- > 0)
        throw new HaldaneError('unavailable', 'the database is away');
      return append(fence, part);
    };
  };
  const refusing =
    (times: number, act: Act): Act =>
    (lab) => {
      refusals = times;
      act(lab);
    };
  const kept = await live({ spec: { noticed }, given: refuse, at: { injecting: refusing(3, away) } });
  t.equal(kept.run.stop, null, 'the database that cannot be read takes no check either, which alone ends nothing');
  t.equal(kept.verdict?.noticed.result, 'pipeline-broken');
  t.same(inboxOf(kept), inboxOf(gone), 'and is stored as soon as it is there again, once');

  const lost = await live({
    spec: { noticed },
    given: (lab) => {
      refuse(lab);
      lab.alerts.faultAfterMs = null;
    },
    at: { proving: refusing(Number.POSITIVE_INFINITY, away), observing: refusing(0, back) },
  });
  t.match(lost.verdict, { verdict: 'inconclusive', noticed: { mark: 'unknown', result: 'pipeline-broken' } }, 'it may be lost, not missed');
  t.same(
    inboxOf(lost).map(({ passed }) => passed),
    [false, true],
    'also when it could be stored only after it was over',
  );

  const never = await live({ spec: { noticed }, given: away });
  t.match(never.verdict?.noticed, {
    mark: 'unknown',
    result: 'pipeline-broken',
    why: /no heartbeat alert within 2 s: .*the database is away/,
  });
});

test('a run listens for its alert as long as its owner gave it, also when the watch was over before', async (t) => {
  const patient = { ...noticed, expect: { ...noticed.expect, withinSeconds: 40 } };
  const lived = await live({ spec: { noticed: patient }, given: ({ alerts }) => (alerts.faultAfterMs = 39_000) });
  await endsWhole(t, lived);
  t.match(lived.verdict?.noticed, { mark: 'yes', result: 'in-time' });
  t.ok(
    (lived.run.facts.restored?.at ?? Number.POSITIVE_INFINITY) < (lived.evidence.alerts.at(-1)?.receivedAt ?? 0),
    'everything was back by then',
  );
});

test('hostile requests flow where and when they may, and nothing is sent once things are put back', async (t) => {
  const hostile = ({ history }: Lived, arm: string) => history.spans(`flow:${runId}.${arm}.hostile`);
  const quiet =
    (sent: string[]): Act =>
    (lab) => {
      lab.platform.hinder = (act, kind) => {
        if (act === 'revert' && kind === 'memory.attach')
          sent.push(...lab.history.spans('flow:').flatMap(({ what, to }) => (to === null ? [what] : [])));
      };
    };

  const sentLate: string[] = [];
  const change = await live({ given: quiet(sentLate) });
  for (const arm of ['control', 'experiment']) {
    t.equal(hostile(change, arm).length, 1, `a change: ${arm} is asked before and after, to compare`);
    t.ok((hostile(change, arm)[0]?.from ?? 0) <= change.phase('baseline').from);
  }

  const request = await live({ act: 'request', given: quiet(sentLate) });
  await endsWhole(t, request);
  usersAreSafe(t, request);
  t.equal(request.verdict?.verdict, 'resilient', request.verdict?.headline ?? 'no verdict');
  t.same(hostile(request, 'control'), [], 'a request that is itself the act never goes to control');
  t.equal(hostile(request, 'experiment').length, 1);
  t.equal(hostile(request, 'experiment')[0]?.from, request.run.facts.injectedAt);
  t.equal(request.evidence.effectAt, request.run.facts.injectedAt);

  const rehearsed = await live({ act: 'request', spec: { fault: false }, given: quiet(sentLate) });
  await endsWhole(t, rehearsed);
  t.same([...hostile(rehearsed, 'control'), ...hostile(rehearsed, 'experiment')], [], 'a rehearsal of it sends none');
  t.equal(rehearsed.verdict?.verdict, 'inconclusive');
  t.same(sentLate, [], 'whatever flowed was ended before the first door was closed');
});

test('a rehearsal makes every change but the harmful one', async (t) => {
  const lived = await live({ spec: { fault: false } });
  await endsWhole(t, lived);
  t.equal(lived.run.stop, null);
  t.same(lived.history.spans('fault:'), []);
  t.equal(lived.history.spans(`slice:${runId}.`).length, 2);
  t.match(lived.verdict, { verdict: 'inconclusive', headline: /a rehearsal/ });
});

test('synthetic exposure moves no user at all', async (t) => {
  const lived = await live({ spec: { exposure: 'synthetic' } });
  await endsWhole(t, lived);
  t.equal(lived.run.stop, null);
  t.same(lived.history.spans('slice:'), []);
  t.equal(lived.verdict?.verdict, 'resilient', lived.verdict?.headline ?? 'no verdict');
});

test('a deploy that begins meanwhile ends the run: what it learns would be of something else', async (t) => {
  const lived = await live({
    at: {
      observing: ({ pipeline }) => {
        pipeline.live = { ...pipeline.live, deployInProgress: true };
      },
    },
  });
  await endsWhole(t, lived);
  t.match(lived.run.stop, { reason: 'target-changed', why: /a deploy of payments is in progress/ });
  t.equal(lived.verdict?.verdict, 'inconclusive');
});

test('a deploy that only the platform shows keeps a run from beginning, and ends one that is under way', async (t) => {
  const rolling = ['instance refresh 1f of payments-prod is InProgress, 20 % done'];
  const roll = ({ platform }: MemoryLab) => {
    platform.rolling = rolling;
  };
  const begun = await live({ at: { observing: roll } });
  await endsWhole(t, begun);
  t.match(begun.run.stop, {
    reason: 'target-changed',
    why: 'a deploy of payments is in progress (instance refresh 1f of payments-prod is InProgress, 20 % done)',
  });
  t.equal(begun.verdict?.verdict, 'inconclusive');
  const { run } = await live({ given: roll });
  t.match(run.stop, { reason: 'refused', why: /instance refresh 1f .*: wait until it is done/ });
});

test('a pipeline that cannot say whether a deploy is in progress ends the run, and one that says something else is live does', async (t) => {
  const release = { revision: 'abc', artifact: null, since: null, said: [], deploying: [] };
  const change = async (observing: (lab: MemoryLab) => void) => {
    const lived = await live({ deployment: { release }, at: { observing } });
    await endsWhole(t, lived);
    t.equal(lived.verdict?.verdict, 'inconclusive');
    return lived.run.stop;
  };
  const silent = await change(({ pipeline }) => {
    pipeline.interrogate = async () => {
      throw new HaldaneError('unavailable', 'Gate did not answer');
    };
  });
  t.match(silent, { reason: 'error', why: 'Gate did not answer' });
  const deployed = await change(({ pipeline }) => {
    pipeline.live = { ...pipeline.live, release: { ...release, revision: 'def' } };
  });
  t.match(deployed, { reason: 'target-changed', why: /now says def of payments, the run began at abc/ });
  const moved = await change(({ pipeline }) => {
    pipeline.live = { ...pipeline.live, source: 'payments-v043' };
  });
  t.match(moved, { reason: 'target-changed', why: /payments is now live as payments-v043/ });
});

test('a plan shows what the pipeline says of the release, and refuses while it deploys', async (t) => {
  const release = {
    revision: 'abc',
    artifact: 'payments-1.2.3',
    since: Date.parse('2026-01-02T03:04:05Z'),
    said: [{ what: 'target groups', said: 'payments-prod' }],
    deploying: ['pipeline "To prod" (01H): stage "Deploy" (deploy) is running'],
  };
  const { run } = await live({ deployment: { release, deployInProgress: true } });
  t.match(run.stop, {
    reason: 'refused',
    why: /a deploy of payments is in progress \(pipeline "To prod" \(01H\): .* is running\): wait until it is done/,
  });
  t.match(run.facts.plan?.interrogated.slice(1, 3), [
    { what: 'release by memory', said: 'abc, payments-1.2.3, since 2026-01-02T03:04:05.000Z' },
    { what: 'target groups', said: 'payments-prod' },
  ]);
});

test('what runs is known by its commit only where nobody contradicts', async (t) => {
  const sha = 'a'.repeat(40);
  const known = async (commit: string | undefined, released: string | null) => {
    const state = { name: 'c', revision: 'app:7', ...(commit === undefined ? {} : { commit }), instances: [] };
    const clusters = { describe: async () => state } as unknown as Platform['clusters'];
    const release = released === null ? {} : { release: { revision: released, artifact: null, since: null, said: [], deploying: [] } };
    return (await asItRuns({ source: 'c', ...release } as unknown as Deployment, { clusters } as Platform, new AbortController().signal))
      .commit;
  };
  t.equal(await known(sha, null), sha, 'the platform says it');
  t.equal(await known(undefined, sha), sha, 'the pipeline says it');
  t.equal(await known(sha, sha), sha);
  t.equal(await known(sha, 'b'.repeat(40)), undefined, 'two words for one thing');
  t.equal(await known(undefined, 'payments-v043'), undefined, 'a name of a server group is no commit');
  t.equal(await known(sha, 'ami-0123'), sha, 'and contradicts none');
  t.equal(await known(undefined, null), undefined);
});

test('what happens around a run ends it, or is seen when it is over; either way it then says nothing of the service', async (t) => {
  const around = (began: string): readonly [Life, () => void] => {
    let seen: readonly string[] = [];
    const policy: SafetyPolicy = {
      objections: async () => [],
      disturbances: async () => seen,
      unapproved: async () => false,
      reserve: async () => null,
      settle: async () => undefined,
    };
    return [{ policy }, () => (seen = [began])];
  };
  const [calm, incident] = around('policy "calm": no incident: INC-7 is open');
  const stopped = await live({ ...calm, at: { observing: incident } });
  await endsWhole(t, stopped);
  t.match(stopped.run.stop, { reason: 'interference', why: /INC-7 is open/ });
  t.match(stopped.verdict, { verdict: 'inconclusive', headline: /something else happened meanwhile: .*INC-7 is open/ });

  // Harm is proven within the ten seconds between two looks, and then nobody knows whose doing it was.
  const [unseen, late] = around('run first is under way on keys');
  const harmed = await live({
    ...unseen,
    script: whenFaulted({ failing: 0.5 }),
    spec: { budget: { failures: 100_000, latencyLimitMs: 5_000 } },
    at: { restoring: late },
  });
  await endsWhole(t, harmed);
  t.equal(harmed.run.stop?.reason, 'harm-proven');
  t.match(harmed.verdict, { verdict: 'inconclusive', record: { strength: 'none', more: { interference: /run first/ } } });
  t.match(
    harmed.events.find(({ type, data }) => type === 'check' && data['name'] === 'interference'),
    { data: { passed: false } },
  );

  // An open door is an open door.
  const [quiet, then] = around('keys was deployed meanwhile');
  const open = await live({ ...quiet, script: whenFaulted({ lettingIn: 1 }), at: { restoring: then } });
  t.match(open.verdict, { verdict: 'vulnerable', held: { mark: 'no' } });
});

test('instances that come or go, and a deploy of what the service depends on, are seen', async (t) => {
  const grown = await live({
    at: {
      observing: ({ world, pipeline }) => {
        const { source } = pipeline.live;
        const cluster = world.clusters.get(source);
        if (cluster) world.clusters.set(source, { ...cluster, instances: [...cluster.instances, `${source}-2`] });
      },
    },
  });
  await endsWhole(t, grown);
  t.match(grown.run.stop, { reason: 'interference', why: 'payments was scaled meanwhile, from 2 to 3 instances' });

  let revision = 'k1';
  const surroundings: Surroundings = { look: async () => [{ service: 'keys', revision, instances: 1 }] };
  const deployed = await live({ surroundings, at: { proving: () => (revision = 'k2') } });
  await endsWhole(t, deployed);
  t.match(deployed.run.stop, { reason: 'interference', why: 'keys was deployed meanwhile: it now runs k2, and ran k1' });
  t.equal(deployed.verdict?.verdict, 'inconclusive');

  let there = true;
  const leaving: Surroundings = { look: async () => (there ? [{ service: 'keys', revision: 'k1', instances: 1 }] : []) };
  const left = await live({ surroundings: leaving, at: { proving: () => (there = false) } });
  t.match(left.run.stop, { reason: 'interference', why: 'keys is no longer to be seen' });
});

test('whoever does not say what happens around a run is asked again, and then it is no yes', async (t) => {
  let silent = 0;
  const surroundings: Surroundings = {
    look: async () => {
      if (silent-- > 0) throw new HaldaneError('unavailable', 'the cloud is away');
      return [];
    },
  };
  const late = await live({ surroundings, at: { injecting: () => (silent = 2) } });
  t.equal(late.run.stop, null, 'two silences are borne');
  const never = await live({ surroundings, at: { restoring: () => (silent = 1) } });
  t.match(never.verdict, { verdict: 'inconclusive', headline: /could not be asked: the cloud is away/ });
});

test('whoever never says anything of what happens around a run is as good as one who says no', async (t) => {
  let hung = 0;
  const surroundings: Surroundings = { look: async () => (hung-- > 0 ? new Promise<never>(() => {}) : []) };
  const forever = Number.POSITIVE_INFINITY;
  const silenced = await live({ surroundings, spec: { watchSeconds: 300 }, at: { observing: () => (hung = forever) } });
  await endsWhole(t, silenced);
  t.match(silenced.run.stop, { reason: 'error', why: /what goes on around the run did not end/ });
  t.ok(
    (silenced.run.stop?.at ?? forever) - silenced.phase('observing').from <= 60_000,
    'no user stands in the arms for the rest of the watch',
  );
  t.match(silenced.verdict, { verdict: 'inconclusive' });

  hung = 0;
  const late = await live({ surroundings, spec: { watchSeconds: 300 }, at: { observing: () => (hung = 2) } });
  t.equal(late.run.stop, null, 'two silences are borne');
  const last = await live({ surroundings, at: { restoring: () => (hung = forever) } });
  await endsWhole(t, last);
  t.match(last.verdict, { verdict: 'inconclusive', headline: /could not be asked: .*did not end/ });
});

test('a fault that shows in control too says nothing of the service', async (t) => {
  const lived = await live({
    at: {
      injecting: ({ world }) => {
        const proxy = world.proxies.get(`${runId}.control.keys`);
        if (proxy) proxy.fault = { mode: 'abort', status: 503 };
      },
    },
  });
  t.equal(lived.run.stop?.reason, 'invalid-arms');
  t.equal(lived.verdict?.verdict, 'invalid');
  await endsWhole(t, lived);
});

test('no harm is made before it is known whether the alert pipeline is alive', async (t) => {
  const slow = { ...noticed, heartbeatWithinSeconds: 20 };
  const late = await live({ spec: { noticed: slow }, given: ({ alerts }) => (alerts.heartbeatAfterMs = 12_000) });
  await endsWhole(t, late);
  usersAreSafe(t, late);
  t.ok((late.run.facts.injectedAt ?? 0) - late.phase('baseline').from >= 12_000, 'the baseline waited for it');
  t.equal(late.verdict?.verdict, 'resilient', late.verdict?.headline ?? 'no verdict');
});

test('arms that are not what is live are no arms to compare', async (t) => {
  const older = ({ platform, world }: MemoryLab) => {
    platform.hinder = (act, kind, { name }) => {
      const cluster = { owner: runId, until: null, revision: 'older', proxies: [], instances: [] };
      if (act === 'apply' && kind === 'memory.cluster' && name === `${runId}.control`) world.clusters.set(`${runId}.control`, cluster);
    };
  };
  const lived = await live({ given: older });
  await endsWhole(t, lived);
  t.equal(lived.run.stop?.reason, 'invalid-arms');
  t.same(lived.history.spans('slice:'), [], 'no user came near them');
});

test('a runner that has lost its run falls silent and changes nothing more; what it made ends by itself', async (t) => {
  let lab: MemoryLab | undefined;
  const left: string[] = [];
  const lose = (of: MemoryLab) => {
    lab = of;
    of.stores.runs.renew = async () => {
      throw new HaldaneError('lease-lost', 'another runner holds it');
    };
    of.platform.hinder = (act, kind) => void left.push(`${act} ${kind}`);
  };
  await t.rejects(live({ at: { observing: lose } }), { code: 'lease-lost' });
  if (lab === undefined) throw new Error('the run never came to observing');
  await lab.clock.advance(0);
  t.equal(lab.prober.open, 0, 'no stream goes on');
  t.same(lab.metrics.left, [runId], 'nor is the traffic followed');
  t.same(left, [], 'nothing was made and nothing put back without a lease');
  t.ok((await lab.platform.leftovers(runId)).length > 0);
  await lab.clock.advance(labLeaseMs);
  t.same(await lab.platform.leftovers(runId), [], 'nobody renewed it, so it is gone');
});

test('a runner that hands its run over follows it no more', async (t) => {
  const leaving = new AbortController();
  const { run, prober, metrics } = await live({ at: { observing: () => leaving.abort() }, handOver: leaving.signal });
  t.equal(run.phase, 'observing');
  t.equal(prober.open, 0);
  t.same(metrics.left, [runId, runId], 'from when it leaves, and in any case from when it lets go of the lease');
  t.same((await live()).metrics.left, [runId], 'so too where it went to its end');
});

const ramp = (...shares: readonly number[]) => ({
  ...plainSlice,
  ramp: shares.map((share) => ({ share, requests: 60, seconds: 2 })),
});

test('a ramp: users come in stages, each a change of its own, and none moves', async (t) => {
  const lived = await live({ spec: { slice: ramp(0.01, 0.05), watchSeconds: 30 } });
  await endsWhole(t, lived);
  usersAreSafe(t, lived);
  const { history, evidence, journal, verdict, run } = lived;
  const watch = history.spans(`slice:${runId}.watch`);
  t.same(
    watch.map(({ what }) => what),
    [`slice:${runId}.watch-1`, `slice:${runId}.watch-2`, `slice:${runId}.watch`],
  );
  t.same(
    journal.filter(({ change }) => change.id.startsWith('slice:watch')).map(({ state }) => state),
    ['reverted', 'reverted', 'reverted'],
  );
  for (const { to } of watch) t.ok(to !== null && to <= (run.facts.offAt ?? 0), 'all of them go before anything else is put back');
  const users = evidence.blocks.filter(({ phase }) => phase === 'observing').map(({ real }) => real.experiment.requests);
  const steps = [...new Set(users.filter((count, i) => count === users[i + 1]))];
  t.same(steps, [4, 20, 400 * lived.spec.share], 'one, five and all percent of 400 a second');
  t.equal(verdict?.verdict, 'resilient', verdict?.headline ?? '');
});

test('a ramp stops where harm shows: the next users never come', async (t) => {
  const lived = await live({
    script: (_who, faulted) => (faulted ? { failing: 0.5 } : {}),
    spec: { slice: ramp(0.05), watchSeconds: 30, budget: { failures: 500, latencyLimitMs: 5000 } },
  });
  await endsWhole(t, lived);
  t.equal(lived.run.stop?.reason, 'harm-proven');
  t.same(
    lived.history.spans(`slice:${runId}.watch`).map(({ what }) => what),
    [`slice:${runId}.watch-1`],
  );
});

test('a key that goes with a log-in is refused where a scenario may log users out', async (t) => {
  for (const key of [{ from: 'claim', name: 'sub' }, { from: 'header', name: 'x-user' }, { from: 'address' }] as const) {
    const { run } = await live({ spec: { slice: { ...plainSlice, key } } });
    t.match(run.stop, { reason: 'refused', why: /write key: cookie/ }, key.from);
  }
  const { run } = await live({ act: 'request', spec: { slice: { ...plainSlice, key: { from: 'address' } } } });
  t.not(run.stop?.reason, 'refused');
});

test('routers count only where they stand: elsewhere the plan refuses them as a source, whoever is exposed', async (t) => {
  const refusal = async (spec: Partial<ExperimentSpec>, routed = false) => {
    const given = ({ platform }: MemoryLab) => {
      platform.routed = routed;
    };
    const { run } = await live({ given, spec });
    return run.stop?.reason === 'refused' ? run.stop.why : null;
  };
  const why = (instead: string) =>
    new RegExp(
      `^metrics: router counts at Haldane's own routers, and none stands in route payments on platform memory; write ${instead}, or`,
    );
  t.match(await refusal({ metrics: 'router', exposure: 'all' }), why('metrics: prometheus'));
  t.match(await refusal({ metrics: 'router', exposure: 'synthetic' }), why('metrics: none'));
  t.equal(await refusal({ metrics: 'router', exposure: 'synthetic' }, true), null);
  t.equal(await refusal({ metrics: 'none', exposure: 'synthetic' }), null);
});

test('a cap on users is refused where nobody tells one user from another', async (t) => {
  const given = ({ metrics }: MemoryLab) => void Object.assign(metrics, { isKeyless: true });
  const { run, journal } = await live({ given, spec: { budget: { failures: 5, users: 3, latencyLimitMs: 2_000 } } });
  t.match(run.stop, { reason: 'refused', why: /nobody holds budget.users: leave it out/ });
  t.same(journal, []);
  const synthetic = await live({ given, spec: { budget: { failures: 5, users: 3, latencyLimitMs: 2_000 }, exposure: 'synthetic' } });
  t.not(synthetic.run.stop?.reason, 'refused', 'no user is there');
});

test('where failures are told late, those of the last seconds count too', async (t) => {
  const late = 3;
  let truth: MemoryMetrics['read'] = () => Promise.reject(new Error());
  const lived = await live({
    given: ({ metrics, clock }) => {
      truth = metrics.read.bind(metrics);
      const told = async (id: string, after: number) => {
        const reading = await truth(id, after - late);
        if (reading.state !== 'ok') return reading;
        const points = reading.points.map((one) => ({ ...one, at: one.at + late }));
        return { ...reading, points: points.filter(({ at }) => (at + 1) * 1_000 <= clock.now()) };
      };
      Object.assign(metrics, { read: told, lateMs: () => late * 1_000 });
    },
    spec: { budget: { failures: 1_000, latencyLimitMs: 2_000 } },
    script: whenFaulted({ failing: 0.5 }),
  });
  await endsWhole(t, lived);
  const failures = (blocks: readonly TrafficBlock[]) =>
    blocks.reduce((sum, { real }) => sum + real.control.failures + real.experiment.failures, 0);
  const reading = await truth(runId, 0);
  const happened = reading.state === 'ok' ? failures(reading.points) : 0;
  t.ok(happened > 0, `${happened}`);
  t.equal(failures(lived.evidence.blocks), happened);
});

test('an end of the watch that nobody told is no pass', async (t) => {
  const silenced: Act = ({ metrics }) => (metrics.silent = 'throttled');
  const marksOf = ({ verdict, evidence }: Lived) => [
    verdict?.verdict,
    verdict?.served.mark,
    evidence.checks.filter(({ name }) => name === 'counted').map(({ passed }) => passed),
  ];
  for (const [what, late] of [
    ['a source that tells at once', {}],
    ['one that tells late', { lateMs: () => 30_000 }],
    ['one that tells by the minute', { lateMs: () => 5_000, standsBy: (second: number) => second - (second % 60) + 119 }],
  ] as const) {
    const given: Act = ({ metrics }) => Object.assign(metrics, late);
    const lived = await live({ given, at: { restoring: silenced } });
    await endsWhole(t, lived);
    t.equal(lived.run.stop, null, what);
    t.same(marksOf(lived), ['inconclusive', 'unknown', [false]], what);
    const why =
      /^of the last \d+ s in which the watch's users are counted nothing was told: memory (has been silent .*throttled|did not tell .*); before, /;
    t.match(lived.verdict?.served.why, why, what);
    t.same(marksOf(await live({ given })), ['resilient', 'yes', []], `${what}, and tells to the end`);
  }
});

test('that the end of the watch could not be stored is no pass either, and is said as soon as it can be', async (t) => {
  const lost: Act = ({ stores: { evidence } }) => {
    const append = evidence.append.bind(evidence);
    let failing = 2;
    evidence.append = async (fence, more) => {
      const isEnd = more.blocks !== undefined || more.checks?.some(({ name }) => name === 'counted');
      if (!isEnd || failing === 0) return append(fence, more);
      failing -= 1;
      throw new HaldaneError('unavailable', 'the database is away');
    };
  };
  const lived = await live({ at: { restoring: lost } });
  await endsWhole(t, lived);
  t.equal(lived.run.stop, null);
  t.match(lived.verdict, { verdict: 'inconclusive', served: { mark: 'unknown', why: /nothing was told: the database is away; before, / } });
});

/** Seconds are told half a minute at once, each as `bend` makes it. */
const inBatches =
  (bend: (block: TrafficBlock, lab: MemoryLab) => TrafficBlock = (block) => block): Act =>
  (lab) => {
    const { metrics, clock } = lab;
    const truth = metrics.read.bind(metrics);
    const read: MemoryMetrics['read'] = async (id, after) => {
      const reading = await truth(id, after);
      if (reading.state !== 'ok') return reading;
      const told = reading.points.filter(({ at }) => at < Math.floor(clock.now() / 30_000) * 30);
      return { state: 'ok', points: told.map((block) => bend(block, lab)) };
    };
    Object.assign(metrics, { read, lateMs: () => 31_000, standsBy: (second: number) => second - (second % 30) + 29 });
  };

test('what stands behind the end of a phase in one batch counts: all of a baseline, and what speaks against letting users in', async (t) => {
  const lived = await live({ given: inBatches(), spec: { watchSeconds: 60 } });
  await endsWhole(t, lived);
  t.equal(lived.verdict?.verdict, 'resilient', lived.run.stop?.why ?? lived.verdict?.headline ?? 'no verdict');
  const baseline = lived.evidence.blocks.filter(({ phase }) => phase === 'baseline');
  t.ok(baseline.length > 5, `${baseline.length} s were told, 5 were needed`);
  t.match(lived.run.facts.baseline, { from: baseline[0]?.at, to: baseline.at(-1)?.at }, 'the credit rate is from all that was told');

  // Users could have come in long before.
  const leaking = inBatches((block, { history }) => {
    const injected = history.spans(`fault:${runId}.`)[0]?.from ?? Number.POSITIVE_INFINITY;
    return block.at * 1_000 < injected + 20_000 ? block : { ...block, met: { control: 4, experiment: 4 } };
  });
  const leaked = await live({ given: leaking });
  await endsWhole(t, leaked);
  t.match(leaked.run.stop, { reason: 'invalid-arms', why: /the fault reached control/ });
  t.equal(leaked.history.spans(`slice:${runId}.watch`).length, 0, 'no user was let in');
});

test('what a platform cannot do for users is refused before anything is touched', async (t) => {
  const { run, journal } = await live({
    given: ({ platform }) => {
      platform.can = ['dependency-fault', 'synthetic-reach'];
    },
    spec: { slice: { ...plainSlice, mode: 'shield' } },
  });
  t.match(run.stop, { reason: 'refused', why: /platform memory cannot do slice-rules/ });
  t.same(journal, []);
});

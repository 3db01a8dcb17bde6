import type { Phase, Run } from '@haldane/core';
import { drive, holdLease, type Stages } from '@haldane/engine';
import { haldane1, rejudge } from '@haldane/judge';
import { type LabOptions, labLeaseMs, type MemoryLab, memoryLab, overlapMs, type Span } from '@haldane/testkit';
import { type Test, test } from 'tap';
import { criteriaOf, type Hand, story, type World } from './index.ts';

/* Whole runs: the real engine drives the real story and the real judge; only what lies outside is in memory, on a clock that is moved. */

const runId = 'r1';

type Act = (lab: MemoryLab) => unknown;
type Life = LabOptions & {
  /** Before the run is created. */
  readonly given?: Act;
  /** When a phase is entered. */
  readonly at?: Partial<Record<Phase, Act>>;
};

/** Drives one run to its end and gives back everything that can be asked of it. */
async function live({ given, at = {}, ...options }: Life = {}) {
  const lab = memoryLab(options);
  const { clock, stores, platform, spec } = lab;
  await given?.(lab);
  const before = lab.world.look();
  const published: Run[] = [];
  const world: World = {
    ...lab,
    ...stores,
    alerts: spec.noticed === null ? null : lab.alerts,
    judge: haldane1,
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
  const stages = entered(story(world, hand), at, lab);
  const driving = drive(claim.run, stages, undefined, { ...world, clock, hold });
  const { run } = await clock.until(driving).finally(() => hold.stop());
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

test('debug', async (t) => {
  const lived = await live();
  console.error(lived.run.stop, lived.verdict?.verdict, lived.verdict?.headline, lived.evidence.marks, lived.history.spans(''), lived.evidence.checks);
  await endsWhole(t, lived);
});

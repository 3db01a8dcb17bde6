import { type Alert, type AlertSource, type EvidenceStore, HaldaneError, type Run } from '@haldane/core';
import { drive, holdLease } from '@haldane/engine';
import { criteriaOf, type Hand, story, type World } from '@haldane/experiment';
import { haldane1, judgedFactsOf, rejudge } from '@haldane/judge';
import { metricSources } from '@haldane/metrics';
import { awsPlatform, sweepAws } from '@haldane/platforms';
import { deploymentOf, lookAt, type MemoryAccount, memoryStand } from '@haldane/platforms/aws-testing';
import { scenarios } from '@haldane/scenarios';
import { Fuse, memoryLab, VirtualClock } from '@haldane/testkit';
import { test } from 'tap';
import { putBack, setScene, wrongs } from '../testing/aws-life.ts';
import { harmTwins, twinOf, twinScenario, twinSpec, writeBeside } from '../testing/twin-life.ts';

/* Scenarios at twins of what stands beside the arms, in an account in memory: every moment of a life, and what the whole story makes of it. */

const never = new AbortController().signal;
const ids = scenarios.filter(({ traffic }) => traffic === 'none').map(({ id }) => id);

async function newScene() {
  const clock = new VirtualClock();
  return { clock, scene: await setScene(await memoryStand('w'), clock) };
}

test('killed at any step, whatever somebody else wrote meanwhile, a run at twins is put back from the journal, and what it was made like is as they left it', async (t) => {
  for (const id of ids) {
    const of = twinOf(id);
    const theirs = await newScene();
    await theirs.scene.stand.others.add(of, `w-${of}`);
    const written = await lookAt(theirs.scene.stand);
    const bad: unknown[] = [];
    let steps = 0;
    let kept = 0;
    for (let alive = false; !alive; steps += 1)
      for (const visit of [false, true]) {
        const { clock, scene } = await newScene();
        const fuse = new Fuse(steps);
        const went = await clock.until(harmTwins(scene, scene.stand.calls, id, fuse).catch((error: Error) => error.message));
        alive = !fuse.dead;
        if (alive && went !== undefined) bad.push(went);
        if (visit) await writeBeside(scene, of);
        const restored = await clock.until(putBack(scene, scene.stand.calls, 20_000));
        kept += restored.superseded.length;
        const wrong = await wrongs(scene, visit ? written : scene.before);
        if (!restored.clean || wrong.length > 0) bad.push({ id, steps, visit, restored, wrong });
      }
    t.same(bad.slice(0, 2), [], `${bad.length} of ${2 * steps} lives of ${id} were not put back`);
    t.ok(steps > 15, `${steps} steps`);
    if (of === 'bucket') t.ok(kept > 0, `${kept} lives found the policy edited by somebody else, kept that and said so`);
  }
});

test('what nobody puts back is found by its tags and swept, once its expiry has passed and not before', async (t) => {
  for (const id of ids) {
    const { clock, scene } = await newScene();
    const { calls } = scene.stand;
    await clock.until(harmTwins(scene, calls, id));
    t.same(await sweepAws({ calls, now: clock.now(), end: true }, never), []);
    const rows = await sweepAws({ calls, now: clock.now() + 3_600_000, end: true }, never);
    t.same(
      rows.map(({ action }) => action),
      ['ended', 'ended'],
    );
    t.same(await lookAt(scene.stand), scene.before);
  }
});

test('nothing is made of what its owner has not opted in, nor where something stands in the way', async (t) => {
  const refusal = async (edit: (account: MemoryAccount) => void) => {
    const { scene } = await newScene();
    edit(scene.stand.calls as MemoryAccount);
    const error: unknown = await harmTwins(scene, scene.stand.calls, 'sg-port-open').catch((thrown: unknown) => thrown);
    return error instanceof HaldaneError ? error.message : 'none';
  };
  t.match(
    await refusal(({ twins }) => twins.firewall.addOriginal('w-firewall', [], {})),
    /not opted in: its owner gives it the tag haldane:opt-in/,
  );
  t.match(
    await refusal(({ twins }) => void twins.firewall.remove({ id: '', name: 'w-firewall', tags: {} }, never)),
    /no security group w-firewall/,
  );
  t.match(await refusal(({ twins }) => twins.firewall.addOriginal('haldane-wr-control', [], {})), /already, and it is not this run's/);
});

/** When a twin was changed: what a detector in the account would be told. */
type Seen = { readonly at: number; readonly arm: string; readonly kind: 'made' | 'changed' };
type Detection = (
  seen: Seen,
) => { readonly rule: string; readonly receiver?: string; readonly afterMs: number; readonly resource?: string } | null;

type Outside = { readonly watchSeconds?: number; readonly evidenceFor?: (store: EvidenceStore) => EvidenceStore };

/** A whole run: the real engine drives the real story and judge, in an account in memory with this detection. */
async function live(
  detect: Detection,
  edit?: (account: MemoryAccount) => void,
  { watchSeconds = 6, evidenceFor = (store) => store }: Outside = {},
) {
  const lab = memoryLab();
  const { clock, stores } = lab;
  const stand = await memoryStand('w');
  const account = stand.calls as MemoryAccount;
  const before = await lookAt(stand, 'r1');
  const seen: Seen[] = [];
  const told = (name: string, kind: Seen['kind']) => seen.push({ at: clock.now(), arm: name.split('-').at(-1) ?? '', kind });
  const { firewall, bucket, role, trail } = account.twins;
  // Of other kinds the run makes no twin: nobody need answer there.
  const find = () => Promise.reject(new HaldaneError('unavailable', 'no answer'));
  const calls = {
    balancing: account.balancing,
    groups: account.groups,
    templates: account.templates,
    twins: {
      bucket: { ...bucket, find },
      role: { ...role, find },
      trail: { ...trail, find },
      firewall: new Proxy(firewall, {
        get: (target, name) => {
          const call: unknown = Reflect.get(target, name);
          if (typeof call !== 'function') return call;
          return async (...given: unknown[]) => {
            if (name === 'add') told(String(given[0]), 'made');
            if (name === 'put') told((given[0] as { name: string }).name, 'changed');
            return call.apply(target, given) as unknown;
          };
        },
      }),
    },
  };
  const platform = awsPlatform({ calls, clock, leaveMs: 0, settleMs: 0 });
  const scenario = twinScenario('sg-port-open');
  const spec = { ...twinSpec(stand.mark, scenario.id), baselineSeconds: 8, watchSeconds };
  const alerts: AlertSource = {
    id: 'memory',
    async alerts(_runId, { from, to }) {
      const points = seen.flatMap((one, index): readonly Alert[] => {
        const said = detect(one);
        if (said === null) return [];
        const { rule, receiver = 'network', afterMs, resource = `id-of-haldane-r1-${one.arm}` } = said;
        return [{ id: `${index}`, rule, receiver, severity: 'high', receivedAt: one.at + afterMs, fields: { resource } }];
      });
      return { state: 'ok', points: points.filter(({ receivedAt }) => receivedAt >= from && receivedAt <= to) };
    },
  };
  const deployment = deploymentOf(stand);
  const world: World = {
    ...lab,
    ...stores,
    evidence: evidenceFor(stores.evidence),
    scenario,
    platform,
    alerts,
    // Of routers it asks nothing.
    metrics: metricSources({ clock, client: {} as Parameters<typeof metricSources>[0]['client'] }).get('none'),
    pipeline: { id: 'memory', interrogate: async () => deployment },
    judge: haldane1,
    kinds: platform.changeKinds,
    applyTimeoutMs: 5_000,
    publish: async () => undefined,
  };
  await stores.runs.create({ id: 'r1', service: spec.service, environment: spec.environment, experiment: spec, key: null });
  const claim = await stores.runs.claim('test', 600_000, 0);
  if (claim === null) throw new Error('the run could not be claimed');
  const hold = await holdLease(stores.runs, claim.fence, {
    leaseMs: 600_000,
    renewEveryMs: 60_000,
    clock,
    renewEffects: async () => undefined,
  });
  const hand: Hand = { hold, lost: hold.lost, tell: async (type, data) => void (await stores.runs.tell('r1', type, data)) };
  const stages = story(world, hand).stages;
  const observing: typeof stages.observing = async (...given) => {
    edit?.(account);
    return stages.observing(...given);
  };
  const { run } = await clock
    .until(drive(claim.run, { ...stages, observing }, undefined, { ...world, clock, hold }))
    .finally(() => hold.stop());
  return { run, before, after: await lookAt(stand, 'r1'), evidence: await stores.evidence.read('r1'), world };
}

const heartbeat = (seen: Seen) => (seen.kind === 'made' && seen.arm === 'control' ? { rule: 'twin-heartbeat', afterMs: 300 } : null);

test('a detector that tells an open port from a harmless one makes the run resilient, on a twin, and says what differs', async (t) => {
  const { run, before, after, evidence, world } = await live((seen) =>
    seen.kind === 'changed' && seen.arm === 'experiment' ? { rule: 'port-open', afterMs: 1_500 } : heartbeat(seen),
  );
  const verdict = run.facts.verdict;
  t.match(
    [run.stop, verdict?.verdict, verdict?.noticed.result, verdict?.held.mark],
    [null, 'resilient', 'in-time', 'unknown'],
    `${JSON.stringify(run.stop)} ${verdict?.headline}`,
  );
  t.match(verdict?.headline, /was noticed, on a twin: alert port-open reached network 1\.5 s after the effect/);
  t.ok(verdict?.reasons.some((one) => /not at the service's own: twins of w-firewall: its name/.test(one)));
  t.match(verdict?.record.contact, { count: 1, needed: 1 });
  t.same(
    evidence.checks.map(({ name, passed }) => `${name} ${passed}`),
    ['arms-equal true', 'heartbeat true', 'effect true', 'contained false', 'heal true', 'interference true', 'leftovers true'],
  );
  t.same(after, before);
  t.match(run.facts.restored, { clean: true, stuck: [], superseded: [] });
  t.same(
    rejudge(criteriaOf(run, world.platform, world.scenario), evidence, judgedFactsOf(run)),
    verdict,
    'the same again from the evidence',
  );
});

test('one that stays silent, is late, speaks elsewhere or alerts of anything is told from each other, and a dead one from a missed alert', async (t) => {
  const verdicts: Record<string, Pick<NonNullable<Run['facts']['verdict']>, 'verdict' | 'noticed'> | undefined> = {};
  const detectors: Readonly<Record<string, Detection>> = {
    silent: heartbeat,
    late: (seen) => (seen.arm === 'experiment' && seen.kind === 'changed' ? { rule: 'port-open', afterMs: 10_500 } : heartbeat(seen)),
    elsewhere: (seen) =>
      seen.arm === 'experiment' && seen.kind === 'changed' ? { rule: 'port-open', receiver: 'sales', afterMs: 500 } : heartbeat(seen),
    noisy: (seen) => (seen.kind === 'changed' ? { rule: 'port-open', afterMs: 500 } : heartbeat(seen)),
    dead: () => null,
  };
  for (const [name, detect] of Object.entries(detectors)) verdicts[name] = (await live(detect)).run.facts.verdict;
  const said = Object.fromEntries(Object.entries(verdicts).map(([name, one]) => [name, [one?.verdict, one?.noticed.result]]));
  t.same(said, {
    silent: ['vulnerable', 'missed'],
    late: ['vulnerable', 'late'],
    elsewhere: ['vulnerable', 'wrong-receiver'],
    noisy: ['inconclusive', 'noisy'],
    dead: ['inconclusive', 'pipeline-broken'],
  });
});

test('whoever closes the port before Haldane does is given the credit, and nothing of it is undone', async (t) => {
  const { run, before, after } = await live(
    (seen) => (seen.kind === 'changed' && seen.arm === 'experiment' ? { rule: 'port-open', afterMs: 500 } : heartbeat(seen)),
    ({ twins }) => twins.firewall.edit('haldane-r1-experiment', { faults: [] }),
  );
  t.match([run.facts.verdict?.verdict, run.facts.verdict?.held], ['resilient', { mark: 'yes', why: /somebody else had taken/ }]);
  t.match(run.facts.restored, { clean: true });
  t.same(after, before);
});

test('restoring that is tried again does not take for somebody else what Haldane has taken back itself', async (t) => {
  let failures = 0;
  const evidenceFor = (store: EvidenceStore): EvidenceStore => ({
    read: (...given) => store.read(...given),
    async append(fence, part) {
      // The last word of restoring: by then everything is put back.
      if (part.checks?.some(({ name }) => name === 'leftovers') && failures++ < 1)
        throw new HaldaneError('unavailable', 'the database is away');
      return store.append(fence, part);
    },
  });
  const { run, evidence } = await live(heartbeat, undefined, { evidenceFor });
  t.equal(failures, 2, 'restoring was tried again');
  t.same(
    evidence.checks.filter(({ name }) => name === 'contained' || name === 'heal').map(({ name, passed }) => `${name} ${passed}`),
    ['contained false', 'heal true'],
  );
  t.match(run.facts.verdict?.held, { mark: 'unknown', why: /nobody took the change away/ });
});

test('a twin that is gone altogether is not said to have been closed by anybody', async (t) => {
  const { run, before, after } = await live(heartbeat, ({ twins }) => {
    void twins.firewall.remove({ id: '', name: 'haldane-r1-experiment', tags: {} }, never);
  });
  t.match([run.facts.verdict?.verdict, run.facts.verdict?.held], ['vulnerable', { mark: 'unknown', why: /was not seen/ }]);
  t.match(run.facts.restored, { clean: true });
  t.same(after, before);
});

test('a run stops as soon as something begins to use one of its twins, whichever, and the port is shut again', async (t) => {
  for (const arm of ['control', 'experiment']) {
    const { run, before, after } = await live(
      heartbeat,
      ({ twins }) => twins.firewall.edit(`haldane-r1-${arm}`, { behind: 'network interface eni-1 carries it' }),
      { watchSeconds: 60 },
    );
    const why = new RegExp(`security group haldane-r1-${arm} .* is in use: network interface eni-1`);
    t.match(run.stop, { reason: 'interference', why });
    t.match(run.facts.verdict, { verdict: 'inconclusive', headline: why });
    t.match(run.facts.restored, { clean: true });
    t.same(after, before);
  }
});

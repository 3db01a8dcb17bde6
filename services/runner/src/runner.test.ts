import type { AnyChangeKind, Phase, Run } from '@haldane/core';
import type { World } from '@haldane/experiment';
import { haldane1 } from '@haldane/judge';
import { type MemoryLab, memoryLab } from '@haldane/testkit';
import { test } from 'tap';
import { newRunId, Runner } from './index.ts';
import { ofItsRun } from './of-its-run.ts';

test('a name of a run begins with a letter, fits into a name of a host, and is never drawn twice', async (t) => {
  const names = new Set(Array.from({ length: 2_000 }, newRunId));
  t.equal(names.size, 2_000);
  for (const name of names) if (!/^r[a-z2-9]{11}$/.test(name)) t.fail(`${name} is no name`);
  const letters = new Set([...names].flatMap((name) => [...name.slice(1)]));
  t.equal(letters.size, 32 - 1, 'every letter is used');
  t.notOk(
    [...letters].some((letter) => '01ilo'.includes(letter)),
    'and none that looks like another',
  );
});

/** A runner over a lab, which assembles runs as `assemble` says and notes its trouble. */
function work(lab: MemoryLab, bend: (world: World, runner: string) => World = (world) => world) {
  const { clock, stores, platform } = lab;
  const trouble: string[] = [];
  const assembled: string[] = [];
  const published: Run[] = [];
  const world: World = {
    ...lab,
    ...stores,
    alerts: null,
    judge: haldane1,
    kinds: platform.changeKinds,
    applyTimeoutMs: 5_000,
    publish: async (run) => void published.push(run),
  };
  const runner = (name = 'one') =>
    new Runner({
      name,
      store: stores,
      clock,
      assemble: ({ run }) => {
        assembled.push(run.id);
        return bend(world, name);
      },
      onTrouble: (what, error) => trouble.push(`${what}: ${error instanceof Error ? error.message : String(error)}`),
    });
  const create = (id: string, environment = lab.spec.environment) =>
    stores.runs.create({ id, service: lab.spec.service, environment, experiment: lab.spec, key: null });
  /** Moves time until the run is in that phase, or something else is. */
  const reach = async (id: string, phase: Phase, orElse = () => false) => {
    for (let tries = 0; tries < 2_000; tries += 1) {
      if (orElse() || (await stores.runs.get(id))?.phase === phase) return;
      await clock.advance(100);
    }
    throw new Error(`${id} never came to ${phase}: it is in ${(await stores.runs.get(id))?.phase}`);
  };
  return { runner, create, reach, trouble, assembled, published };
}

const short = { baselineSeconds: 5, watchSeconds: 12 };

test('a runner claims what is there, drives it to its end, and goes on to the next', async (t) => {
  const lab = memoryLab({ spec: short });
  const { runner, create, reach, trouble, published } = work(lab);
  const one = runner();
  one.start();
  one.start();
  for (const id of ['run-1', 'run-2']) {
    await create(id);
    await reach(id, 'done');
    t.equal((await lab.stores.runs.get(id))?.facts.verdict?.verdict, 'resilient');
    t.same(await lab.platform.leftovers(id), []);
  }
  await lab.clock.until(one.stop('over'));
  t.same(trouble, []);
  t.same(
    published.map(({ id }) => id),
    ['run-1', 'run-2'],
  );
});

test('whoever renews what a run has made is told of what it makes twins', async (t) => {
  const orders = { firewall: 'firewall', role: 'role', nothing: null } as const;
  for (const [what, of] of Object.entries(orders)) {
    const lab = memoryLab({ spec: short });
    const told = new Set<unknown>();
    const renew = lab.platform.renew.bind(lab.platform);
    Object.assign(lab.platform, {
      renew: async (...[runId, until, , twinOf]: Parameters<World['platform']['renew']>) => {
        told.add(twinOf);
        await renew(runId, until);
      },
    });
    const { scenario } = lab;
    const contact: typeof scenario.contact =
      of === null ? scenario.contact : () => ({ unit: 'twin', order: { of, like: 'shop-own', scenario: scenario.id } });
    const { runner, create, reach } = work(lab, (world) => ({ ...world, scenario: { ...scenario, contact } }));
    const one = runner();
    one.start();
    await create('run-1');
    await reach('run-1', 'done');
    await lab.clock.until(one.stop('over'));
    t.same([...told], [of], what);
  }
});

test('a runner that is stopped puts its run back first, and then claims no more', async (t) => {
  const lab = memoryLab({ spec: short });
  const { runner, create, reach, trouble } = work(lab);
  const one = runner();
  one.start();
  await create('run-1');
  await reach('run-1', 'observing');
  t.ok((await lab.platform.leftovers('run-1')).length > 0);
  await lab.clock.until(one.stop('the machine goes down'));
  t.match(await lab.stores.runs.get('run-1'), { phase: 'done', stop: { reason: 'operator', why: 'the machine goes down' } });
  t.same(await lab.platform.leftovers('run-1'), []);
  await create('run-2');
  await lab.clock.advance(5_000);
  t.equal((await lab.stores.runs.get('run-2'))?.phase, 'planning', 'nobody claims it');
  t.equal(lab.clock.sleeping(), 0, 'and nothing of the runner is awake');
  t.same(trouble, []);
});

/**
 * One run that its first runner hands over so long after the phase began. A second one is there to take it; or `idleMs` later, when the first
 * died as soon as it had given it back; or never.
 */
async function handedOver(
  lab: MemoryLab,
  phase: Phase,
  afterMs: number,
  next: 'at once' | 'never' | { readonly idleMs: number } = 'at once',
) {
  const { runner, create, reach, trouble } = work(lab);
  const { stores, clock } = lab;
  const [one, two] = [runner('one'), runner('two')];
  let given: Promise<void> | undefined;
  const handOver = () => one.handOver('the machine goes down');
  const advance = stores.runs.advance.bind(stores.runs);
  stores.runs.advance = async (fence, version, move) => {
    const moved = await advance(fence, version, move);
    if (move.to === phase && given === undefined) given = afterMs === 0 ? handOver() : clock.sleep(afterMs).then(handOver);
    return moved;
  };
  const standingWhen = async () => ({
    left: await stores.runs.get('run-1'),
    standing: await lab.platform.leftovers('run-1'),
    streams: lab.prober.open,
  });
  let then: Awaited<ReturnType<typeof standingWhen>> | undefined;
  const release = stores.runs.release.bind(stores.runs);
  stores.runs.release = async (fence) => {
    await release(fence);
    then ??= await standingWhen();
    if (next === 'at once') two.start();
  };
  if (typeof next === 'object') stores.runs.takeBack = async () => null;
  await create('run-1');
  one.start();
  await reach('run-1', phase, () => given !== undefined);
  await clock.until(given as Promise<void>);
  if (typeof next === 'object') {
    await clock.advance(next.idleMs);
    two.start();
  }
  await reach('run-1', 'done');
  await clock.until(two.stop('over'));
  const [run, evidence, journal, events] = await Promise.all([
    stores.runs.get('run-1'),
    stores.evidence.read('run-1'),
    stores.journal.entries('run-1'),
    stores.runs.events('run-1', 0, 10_000),
  ]);
  if (then === undefined) throw new Error('it was never given back');
  return { run, evidence, journal, events, trouble, ...then };
}

const leaving = [
  ['provisioning', 0],
  ['routing', 0],
  ['baseline', 0],
  ['baseline', 2_500],
  ['injecting', 0],
  ['proving', 0],
  ['proving', 1_500],
  ['observing', 0],
  ['observing', 6_000],
  ['judging', 0],
  ['reporting', 0],
] as const;

for (const [phase, afterMs] of leaving)
  test(`a run that is handed over ${afterMs} ms into ${phase} goes on there, and loses nothing`, async (t) => {
    const lab = memoryLab({ spec: short });
    const { run, evidence, journal, events, trouble, left, standing, streams } = await handedOver(lab, phase, afterMs);
    t.equal(left?.phase, phase, 'it is left where it was');
    t.equal(streams, 0, 'nobody sends anything for it meanwhile');
    if (['baseline', 'proving', 'observing'].includes(phase)) t.ok(standing.length > 0, 'and what stands for it, stands');
    t.match(run, { phase: 'done', stop: null, facts: { verdict: { verdict: 'resilient' }, restored: { clean: true } } });
    t.same(
      evidence.marks.map((mark) => mark.phase),
      ['planning', 'provisioning', 'routing', 'baseline', 'injecting', 'proving', 'observing', 'restoring', 'judging', 'reporting'],
      'each phase began once',
    );
    const made = events.filter(({ type, data }) => type === 'change' && data['made'] === true).map(({ data }) => data['id']);
    t.same(made, [...new Set(made)], 'nothing was made twice');
    t.same(
      journal.filter(({ state }) => state !== 'reverted'),
      [],
    );
    t.match(
      events.filter(({ type, data }) => type === 'note' && ('handedOver' in data || 'takenOver' in data)).map(({ data }) => data),
      [{ handedOver: phase }, ...(phase === 'reporting' ? [] : [{ takenOver: phase }])],
    );
    t.same(await lab.platform.leftovers('run-1'), []);
    t.equal(lab.prober.open, 0);
    t.same(trouble, []);
  });

test('what the first runner saw counts for the second: a budget is spent by both', async (t) => {
  const lab = memoryLab({
    spec: { ...short, watchSeconds: 60 },
    script: (who, faulted) => (faulted && who === 'experiment' ? { failing: 0.1 } : {}),
  });
  const { run, evidence } = await handedOver(lab, 'observing', 2_500);
  t.match(run, { phase: 'done', stop: { reason: /spent|harm/ }, facts: { restored: { clean: true } } });
  const whole = memoryLab({
    spec: { ...short, watchSeconds: 60 },
    script: (who, faulted) => (faulted && who === 'experiment' ? { failing: 0.1 } : {}),
  });
  const { runner, create, reach } = work(whole);
  const one = runner();
  one.start();
  await create('run-1');
  await reach('run-1', 'done');
  await whole.clock.until(one.stop('over'));
  const alone = await whole.stores.runs.get('run-1');
  t.equal(run?.stop?.reason, alone?.stop?.reason, 'it ends as it would have alone');
  t.equal(run?.facts.verdict?.verdict, alone?.facts.verdict?.verdict);
  const spent = evidence.blocks.map(({ budget }) => budget.spent);
  t.same(
    spent,
    [...spent].sort((a, b) => a - b),
    'and nothing is given back by it',
  );
});

test('a run that was handed over and that nobody took up in time is put back and not resumed', async (t) => {
  const lab = memoryLab({ spec: short });
  const { run, left, standing } = await handedOver(lab, 'observing', 2_000, { idleMs: 60_000 });
  t.equal(left?.phase, 'observing');
  t.ok(standing.length > 0);
  t.match(run, { phase: 'done', stop: { reason: 'lease-lost', why: /put back and not resumed/ }, facts: { restored: { clean: true } } });
  t.same(await lab.platform.leftovers('run-1'), []);
});

for (const [phase, afterMs] of leaving)
  test(`a run that is handed over ${afterMs} ms into ${phase} and that nobody takes is put back by whoever had it`, async (t) => {
    const lab = memoryLab({ spec: short });
    const { run, journal, trouble } = await handedOver(lab, phase, afterMs, 'never');
    t.match(run, { phase: 'done', facts: { restored: { clean: true } } });
    const why = 'the machine goes down, and no other runner took the run';
    // What was back already is only told.
    t.match(run?.stop, phase === 'judging' || phase === 'reporting' ? null : { reason: 'operator', why });
    t.same(
      journal.filter(({ state }) => state !== 'reverted'),
      [],
    );
    t.same(await lab.platform.leftovers('run-1'), []);
    t.equal(lab.prober.open, 0);
    await lab.clock.advance(5_000);
    t.equal(lab.clock.sleeping(), 0, 'and nothing of the runner is awake');
    t.same(trouble, []);
  });

test('a run that only somebody took who cannot drive it is put back by whoever handed it over', async (t) => {
  const lab = memoryLab({ spec: short });
  const { runner, create, reach, trouble } = work(lab, (world, name) => {
    if (name === 'one') return world;
    throw new Error('there is no platform "moon"');
  });
  const [one, two] = [runner('one'), runner('two')];
  one.start();
  await create('run-1');
  await reach('run-1', 'observing');
  two.start();
  await lab.clock.until(one.handOver('the machine goes down'));
  t.match(await lab.stores.runs.get('run-1'), { phase: 'done', stop: { reason: 'operator' }, facts: { restored: { clean: true } } });
  t.same(await lab.platform.leftovers('run-1'), []);
  t.match(trouble, [/there is no platform "moon"/], 'the other one had it meanwhile');
  await lab.clock.until(two.stop('over'));
});

test('a run that nobody takes waits for no other run to be put back', async (t) => {
  const lab = memoryLab({ spec: short });
  const { runner, create, reach } = work(lab);
  let jammed = false;
  lab.platform.hinder = (act, _kind, params) => {
    if (jammed && act === 'revert' && JSON.stringify(params).includes('run-2')) throw new Error('the platform is slow');
  };
  const one = runner();
  one.start();
  await create('run-2', 'elsewhere');
  await reach('run-2', 'observing');
  jammed = true;
  await lab.stores.runs.askAbort('run-2', 'enough');
  await reach('run-2', 'restoring');
  await create('run-1');
  await reach('run-1', 'proving');
  let gone = false;
  const going = one.handOver('the machine goes down').then(() => {
    gone = true;
  });
  await lab.clock.advance(8_000);
  t.same(await lab.platform.leftovers('run-1'), [], 'its users are out, three seconds after it was offered');
  t.equal((await lab.stores.runs.get('run-2'))?.phase, 'restoring');
  t.equal(gone, false);
  jammed = false;
  await lab.clock.until(going);
  t.same(await lab.platform.leftovers('run-2'), []);
});

test('who was asked to stop is stopped and not handed over, and so is what others may not have', async (t) => {
  for (const may of [true, false]) {
    const lab = memoryLab({ spec: short });
    const { runner, create, reach } = work(lab);
    const one = runner();
    one.start();
    await create('run-1');
    await reach('run-1', 'observing');
    if (may) await lab.stores.runs.askAbort('run-1', 'enough');
    const began = lab.clock.now();
    const going = one.handOver('the machine goes down', () => may);
    await reach('run-1', 'restoring', () => lab.clock.now() - began > 2_000);
    t.match((await lab.stores.runs.get('run-1'))?.stop, { reason: 'operator', why: may ? 'enough' : 'the machine goes down' });
    await lab.clock.until(going);
    t.same(await lab.platform.leftovers('run-1'), []);
    t.equal((await lab.stores.runs.get('run-1'))?.phase, 'done');
  }
});

test('a run that lost its runner is put back by the next one and not resumed', async (t) => {
  const lab = memoryLab({ spec: short });
  const { runner, create, reach } = work(lab);
  await create('run-1');
  // The first runner takes it, gets as far as having users in the arms, and is never heard of again.
  const claim = await lab.stores.runs.claim('lost', 10_000, 5_000);
  if (claim === null) throw new Error('the run could not be claimed');
  const { fence } = claim;
  const [slice] = lab.platform.changeKinds.filter(({ kind }) => kind === 'memory.slice');
  const change = lab.platform.traffic.slice(lab.pipeline.live, 'run-1', {
    name: 'watch',
    share: 0.1,
    exposure: 'all',
    caps: { failures: 1, latencyLimitMs: 1, creditRate: 0 },
  });
  await lab.stores.journal.intend(fence, { ...change, standsOn: [] }, null);
  await slice?.apply(change.params, null, new AbortController().signal);
  await lab.stores.runs.advance(fence, claim.run.version, { to: 'observing' });
  t.equal((await lab.platform.leftovers('run-1')).length, 1);

  const two = runner('two');
  two.start();
  await lab.clock.advance(14_000);
  t.equal(
    (await lab.stores.runs.get('run-1'))?.phase,
    'observing',
    'not before its lease and an apply that may still be under way are over',
  );
  await reach('run-1', 'done');
  t.match(await lab.stores.runs.get('run-1'), { stop: { reason: 'lease-lost' }, facts: { restored: { clean: true } } });
  t.same(await lab.platform.leftovers('run-1'), []);
  await lab.clock.until(two.stop('over'));
});

test('a run that cannot be put together is put off for longer each time, and driven once it can be', async (t) => {
  const lab = memoryLab({ spec: short });
  let known = false;
  const { runner, create, reach, trouble, assembled } = work(lab, (world) => {
    if (known) return world;
    throw new Error('there is no platform "moon"');
  });
  await create('run-1');
  const one = runner();
  one.start();
  await lab.clock.advance(60_000);
  t.equal(assembled.length, 5, 'at once, and after 2, 4, 8 and 16 seconds more');
  t.equal(trouble.length, assembled.length, 'each time somebody is told');
  const notes = (await lab.stores.runs.events('run-1', 0, 1_000)).filter(({ type }) => type === 'note').map(({ data }) => data);
  t.match(notes[0], { failed: /there is no platform "moon"/, triedAgainInSeconds: 2 });
  t.match(notes.at(-1), { triedAgainInSeconds: 32 });

  known = true;
  await reach('run-1', 'done');
  t.same((await lab.stores.runs.get('run-1'))?.stop, null, 'nothing was lost by it');
  t.same(await lab.platform.leftovers('run-1'), []);
  await lab.clock.until(one.stop('over'));
});

test('a run that can never be put together ends, and gives its service free', async (t) => {
  const lab = memoryLab({ spec: short });
  const { runner, create, reach } = work(lab, () => {
    throw new Error('there is no platform "moon"');
  });
  await create('run-1');
  const one = runner();
  one.start();
  await reach('run-1', 'done');
  t.match(await lab.stores.runs.get('run-1'), { stop: { reason: 'error', why: /6 times: there is no platform "moon"/ } });
  await create('run-2');
  await lab.clock.until(one.stop('over'));
});

test('a lost run of which something may be left, and which nobody can put together, is told to be stuck and keeps its service', async (t) => {
  const lab = memoryLab({ spec: short });
  let known = false;
  const { runner, create, reach } = work(lab, (world) => {
    if (known) return world;
    throw new Error('there is no platform "moon"');
  });
  await create('run-1');
  const claim = await lab.stores.runs.claim('lost', 10_000, 5_000);
  if (claim === null) throw new Error('the run could not be claimed');
  await lab.stores.journal.intend(
    claim.fence,
    { id: 'attach', kind: 'memory.attach', params: { name: 'run-1', owner: 'run-1', route: 'payments' }, standsOn: [], does: '', undo: '' },
    null,
  );
  await lab.stores.runs.advance(claim.fence, claim.run.version, { to: 'observing' });
  const one = runner();
  one.start();
  await lab.clock.advance(400_000);
  t.match(await lab.stores.runs.get('run-1'), { phase: 'restoring', stop: { reason: 'lease-lost' } }, 'it is not resumed either');
  const told = (await lab.stores.runs.events('run-1', 0, 1_000)).filter(({ type }) => type === 'stuck').map(({ data }) => data);
  t.same(told, [{ stuck: ['attach'], why: 'there is no platform "moon"' }], 'told once');
  await t.rejects(create('run-2'), { code: 'service-taken' });
  known = true;
  await reach('run-1', 'done');
  t.match(await lab.stores.runs.get('run-1'), { stop: { reason: 'lease-lost' }, facts: { restored: { clean: true } } });
  await lab.clock.until(one.stop('over'));
});

test('a store that is away for a while is asked again, and nothing is lost', async (t) => {
  const lab = memoryLab({ spec: short });
  const claim = lab.stores.runs.claim.bind(lab.stores.runs);
  let away = true;
  let asked = 0;
  lab.stores.runs.claim = async (...args) => {
    asked += 1;
    if (away) throw new Error('the database does not answer');
    return claim(...args);
  };
  const { runner, create, reach, trouble } = work(lab);
  await create('run-1');
  const one = runner();
  one.start();
  await lab.clock.advance(10_000);
  t.ok(asked > 5 && asked < 100, `asked ${asked} times in ten seconds`);
  t.equal(trouble[0], 'claiming: the database does not answer');
  away = false;
  await reach('run-1', 'done');
  await lab.clock.until(one.stop('over'));
});

test("what a run's journal names of another run is refused, whoever wrote it", async (t) => {
  const done: string[] = [];
  const kind: AnyChangeKind = {
    kind: 'demo',
    capture: async () => null,
    apply: async () => void done.push('apply'),
    revert: async () => void done.push('revert'),
    isReverted: async () => true,
  };
  const [ours] = ofItsRun([kind], 'r1');
  const { signal } = new AbortController();
  for (const ask of ['apply', 'revert', 'isReverted', 'superseded'] as const) {
    await t.rejects(async () => ours?.[ask]?.({ runId: 'r2' }, null, signal), { code: 'denied', message: /r2.*left alone/ }, ask);
    await t.rejects(async () => ours?.[ask]?.({}, null, signal), { code: 'denied' }, ask);
  }
  await t.rejects(async () => ours?.capture({ runId: 'r2' }, signal), { code: 'denied' });
  t.same(done, []);
  await ours?.apply({ runId: 'r1' }, null, signal);
  await ours?.revert({ runId: 'r1' }, null, signal);
  t.same([done, await ours?.superseded?.({ runId: 'r1' }, null, signal)], [['apply', 'revert'], null]);
});

import type { AnyChangeKind, Change, Claim, Json, Phase, Stop } from '@haldane/core';
import { HaldaneError, phases } from '@haldane/core';
import type { DriveDeps, HeldLease, Stage, StageOutcome, Stages } from '@haldane/engine';
import { drive, holdLease, perform, rescue, restore, undo } from '@haldane/engine';
import type { MemoryStores } from '@haldane/testkit';
import { codeOf, memoryStores, sampleRun, VirtualClock } from '@haldane/testkit';
import { test } from 'tap';

const leaseMs = 30_000;

/** A kind whose world is a set of names, and whose verbs a test can replace. */
function setKind(world: Set<string>, verbs: Partial<AnyChangeKind> = {}): AnyChangeKind {
  return {
    kind: 'set',
    capture: async ({ name }) => world.has(name),
    apply: async ({ name }) => void world.add(name),
    revert: async ({ name }) => void world.delete(name),
    isReverted: async ({ name }) => !world.has(name),
    ...verbs,
  };
}

const change = (id: string, standsOn: readonly string[] = [], kind = 'set'): Change => ({
  id,
  kind,
  params: { name: id },
  standsOn,
  does: '',
  undo: '',
});

async function setUp() {
  const clock = new VirtualClock();
  const stores = memoryStores(clock);
  await stores.runs.create(sampleRun());
  const claim = (await stores.runs.claim('a', leaseMs, 0)) as Claim;
  const hold = { fence: claim.fence, leaseLeft: () => leaseMs };
  const world = new Set<string>();
  const options = { applyTimeoutMs: 5000, clock, signal: new AbortController().signal };
  return { clock, ...stores, claim, hold, world, options, runId: claim.run.id };
}

const states = async ({ journal }: Pick<MemoryStores, 'journal'>, runId: string) =>
  (await journal.entries(runId)).map((entry) => [entry.change.id, entry.state]);
const asleep = (ms: number, clock: VirtualClock) => async (_p: unknown, _b: unknown, signal: AbortSignal) => clock.sleep(ms, signal);

test('the way back is in the journal before the world moves, and the entry is marked after', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  const seen: unknown[] = [];
  const kind = setKind(world, { apply: async () => void seen.push(await states({ journal }, runId)) });
  const entry = await clock.until(perform(journal, [kind], hold, change('a'), options));
  t.same(seen, [[['a', 'intended']]]);
  t.equal(entry.state, 'applied');
  t.same(await states({ journal }, runId), [['a', 'applied']]);
});

test('where the world is slow to take a change, it is tried again for as long as the platform has patience, each time within the lease', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  const codes = ['unavailable', 'throttled', null, 'unavailable', 'denied'] as const;
  const tries: { readonly at: number; readonly left: number }[] = [];
  const ends = clock.now() + leaseMs;
  let renewed = 0;
  // Renewed once, when too little is left for a try.
  const leaseLeft = () => {
    if (ends + renewed - clock.now() <= options.applyTimeoutMs) renewed = leaseMs;
    return ends + renewed - clock.now();
  };
  const kind = setKind(world, {
    apply: async ({ name }, _before, signal) => {
      tries.push({ at: clock.now(), left: leaseLeft() });
      const code = codes[tries.length - 1];
      if (code === null) await clock.sleep(60_000, signal);
      if (code) throw new HaldaneError(code, 'not now');
      world.add(name as string);
    },
  });
  const once = codeOf(perform(journal, [kind], { ...hold, leaseLeft }, change('a'), options));
  t.equal(await clock.until(once), 'unavailable', 'without patience there is one try');
  const patient = codeOf(perform(journal, [kind], { ...hold, leaseLeft }, change('a'), { ...options, patienceMs: 60_000 }));
  t.equal(await clock.until(patient), 'denied', 'what time does not mend ends it');
  t.equal(tries.length, 5, 'throttled, timed out, not answered, denied');
  t.ok(
    tries.every(({ left }) => left > options.applyTimeoutMs),
    'no try begins that the lease does not outlast',
  );
  await clock.until(perform(journal, [kind], { ...hold, leaseLeft }, change('a'), { ...options, patienceMs: 60_000 }));
  t.same([[...world], await states({ journal }, runId)], [['a'], [['a', 'applied']]]);
  const never = setKind(new Set(), {
    apply: async () => {
      throw new HaldaneError('throttled', 'slow down');
    },
  });
  const began = clock.now();
  const given = perform(journal, [never], { ...hold, leaseLeft: () => leaseMs }, change('b'), { ...options, patienceMs: 20_000 });
  t.equal(await clock.until(codeOf(given)), 'throttled');
  t.ok(clock.now() - began > 10_000 && clock.now() - began <= 20_000, 'and patience has an end');
});

test('performing again after intended applies with the state from the first time; after applied it does nothing', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  await journal.intend(hold.fence, change('a'), 'first');
  const befores: Json[] = [];
  const kind = setKind(world, { capture: async () => 'second', apply: async (_, before) => void befores.push(before) });
  await clock.until(perform(journal, [kind], hold, change('a'), options));
  await clock.until(perform(journal, [kind], hold, change('a'), options));
  t.same(befores, ['first']);
  await journal.mark(hold.fence, 1, 'reverted');
  t.equal(
    await codeOf(perform(journal, [kind], hold, change('a'), options)),
    'internal',
    'what was undone comes back only under another id',
  );
  t.equal(await codeOf(perform(journal, [kind], hold, change('b', ['a']), options)), 'internal', 'nor can anything stand on it');
  t.equal(await codeOf(perform(journal, [kind], hold, change('b', [], 'other'), options)), 'unknown-id');
  t.same(await states({ journal }, runId), [['a', 'reverted']]);
});

test('an apply is aborted at its time-out, even one that does not listen, and can be reverted', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  const reasons: unknown[] = [];
  const deaf = setKind(world, {
    apply: (_p, _b, signal) => {
      signal.addEventListener('abort', () => reasons.push((signal.reason as HaldaneError).code));
      world.add('a');
      return new Promise<void>(() => {});
    },
  });
  const began = clock.now();
  t.equal(await clock.until(codeOf(perform(journal, [deaf], hold, change('a'), options))), 'unavailable');
  t.equal(clock.now() - began, 5000);
  t.same(reasons, ['unavailable']);
  t.same(await states({ journal }, runId), [['a', 'intended']]);
  t.ok((await clock.until(restore(journal, [deaf], hold.fence, runId, { clock, deadlineMs: 1000 }))).clean);
  t.same([...world], []);
});

test('an apply starts only if the lease outlasts its time-out', async (t) => {
  const { journal, hold, world, options, clock } = await setUp();
  const kind = setKind(world);
  t.equal(await clock.until(codeOf(perform(journal, [kind], { ...hold, leaseLeft: () => 0 }, change('a'), options))), 'lease-lost');
  t.equal(
    await clock.until(codeOf(perform(journal, [kind], { ...hold, leaseLeft: () => 4000 }, change('a'), options))),
    'internal',
    'a lease that never lasts long enough is a wrong setting',
  );
  t.same([...world], []);
  const renewedAt = clock.now() + 2000;
  const leaseLeft = () => (clock.now() < renewedAt ? 3000 : 30_000);
  await clock.until(perform(journal, [kind], { ...hold, leaseLeft }, change('a'), options));
  t.ok(clock.now() >= renewedAt, 'it waited for the heartbeat');
  t.same([...world], ['a']);
});

test('one change is undone while the run goes on, unless something stands on it', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  const kinds = [setKind(world, { superseded: async () => 'now 7' })];
  const how = { clock, deadlineMs: 1000, signal: options.signal };
  for (const each of [change('ground'), change('slice', ['ground'])]) await clock.until(perform(journal, kinds, hold, each, options));
  t.equal(await codeOf(undo(journal, kinds, hold, 'ground', how)), 'internal');
  t.equal(await codeOf(undo(journal, kinds, hold, 'nothing', how)), 'not-found');
  t.equal((await clock.until(undo(journal, kinds, hold, 'slice', how))).note, 'superseded: now 7');
  t.equal((await undo(journal, kinds, hold, 'slice', how)).state, 'reverted', 'twice is harmless');
  t.same(
    [[...world], await states({ journal }, runId)],
    [
      ['ground'],
      [
        ['ground', 'applied'],
        ['slice', 'reverted'],
      ],
    ],
  );
  const stubborn = [setKind(world, { isReverted: async () => false })];
  t.equal(await clock.until(codeOf(undo(journal, stubborn, hold, 'ground', how))), 'not-restored');
  t.same((await states({ journal }, runId))[0], ['ground', 'applied'], 'it keeps its state');
});

test('a change that will not go back keeps what it stands on, and holds up nothing else', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  let broken = true;
  const ended: [string, number][] = [];
  const began = clock.now();
  const revert = async ({ name }: { name: string }) => {
    if (name === 'fault' && broken) throw new HaldaneError('denied', 'no right to');
    world.delete(name);
    ended.push([name, clock.now() - began]);
  };
  const kinds = [setKind(world, { revert })];
  for (const each of [
    change('proxy'),
    change('cluster', ['proxy']),
    change('fault', ['cluster']),
    change('arm'),
    change('attach', ['arm']),
    change('slice', ['attach']),
  ]) {
    await clock.until(perform(journal, kinds, hold, each, options));
  }
  const first = await clock.until(restore(journal, kinds, hold.fence, runId, { clock, deadlineMs: 10_000 }));
  t.same([first.clean, first.stuck], [false, ['fault: no right to']]);
  t.same(
    first.kept.map((word) => word.split(':')[0]),
    ['proxy', 'cluster'],
  );
  t.same(
    ended,
    [
      ['slice', 0],
      ['attach', 0],
      ['arm', 0],
    ],
    'the rest went at once, in order',
  );
  t.same([...world], ['proxy', 'cluster', 'fault']);
  t.same(await states({ journal }, runId), [
    ['proxy', 'applied'],
    ['cluster', 'applied'],
    ['fault', 'stuck'],
    ['arm', 'reverted'],
    ['attach', 'reverted'],
    ['slice', 'reverted'],
  ]);
  broken = false;
  const second = await clock.until(restore(journal, kinds, hold.fence, runId, { clock, deadlineMs: 10_000 }));
  t.same(second, { clean: true, stuck: [], kept: [], superseded: [] });
  t.same(
    ended.slice(3).map(([name]) => name),
    ['fault', 'cluster', 'proxy'],
  );
  t.same([...world], []);
});

test('restoring waits until a revert is seen, tries a failing one again, and names what it does not know', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  let tries = 0;
  const seenAt = clock.now() + 3000;
  const slow = setKind(world, { isReverted: async () => clock.now() >= seenAt });
  const shaky = setKind(world, {
    kind: 'shaky',
    revert: async ({ name }) => {
      tries += 1;
      if (tries < 4) throw new HaldaneError('throttled', 'slow down');
      world.delete(name);
    },
    isReverted: async ({ name }) => !world.has(name),
  });
  const hanging = setKind(world, { kind: 'hanging', revert: () => new Promise<void>(() => {}) });
  const kinds = [slow, shaky, hanging, setKind(world, { kind: 'forgotten' })];
  for (const each of [change('a'), change('b', [], 'shaky'), change('c', [], 'hanging'), change('d', [], 'forgotten')])
    await clock.until(perform(journal, kinds, hold, each, options));
  const waves: number[] = [];
  const began = clock.now();
  const restored = await clock.until(
    restore(journal, kinds.slice(0, 3), hold.fence, runId, {
      clock,
      deadlineMs: 10_000,
      attemptMs: 4000,
      afterWave: (wave) => waves.push(wave),
    }),
  );
  t.same(
    restored.stuck.map((word) => word.split(':')[0]),
    ['c', 'd'],
  );
  t.match(restored.stuck[1], /no kind of change "forgotten" here; known: set, shaky, hanging/);
  t.match(restored.stuck[0], /4000 ms/);
  t.equal(tries, 4);
  t.ok(clock.now() - began <= 15_000, 'a hanging revert holds it up to the deadline and one try, no longer');
  t.same(waves, [0]);
  t.same(
    (await states({ journal }, runId)).map(([, state]) => state),
    ['reverted', 'reverted', 'stuck', 'stuck'],
  );
});

test('the second look puts back what a sleeping runner made late', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  const late = setKind(world, { apply: asleep(60_000, clock) });
  const performing = codeOf(perform(journal, [late], hold, change('a'), { ...options, applyTimeoutMs: 20_000 }));
  await clock.advance(1000);
  void clock.sleep(700).then(() => world.add('a'));
  const restored = await clock.until(restore(journal, [late], hold.fence, runId, { clock, deadlineMs: 10_000, settleMs: 1000 }));
  await clock.until(performing);
  await clock.advance(10_000);
  t.ok(restored.clean);
  t.same([[...world], await states({ journal }, runId)], [[], [['a', 'reverted']]]);
});

test('a journal that is away for a moment, or a listener that throws, does not cut the way back', async (t) => {
  const { journal, hold, world, options, runId, clock } = await setUp();
  for (const each of [change('ground'), change('top', ['ground'])])
    await clock.until(perform(journal, [setKind(world)], hold, each, options));
  let marks = 0;
  const shaky = {
    intend: journal.intend.bind(journal),
    entries: journal.entries.bind(journal),
    mark: async (...given: Parameters<typeof journal.mark>) => {
      marks += 1;
      if (marks === 1) throw new Error('connection reset');
      return journal.mark(...given);
    },
  };
  const afterWave = () => {
    throw new Error('listener');
  };
  const failing = restore(shaky, [setKind(world)], hold.fence, runId, { clock, deadlineMs: 10_000, afterWave });
  t.match(await clock.until(failing.catch((error: Error) => error.message)), 'listener', 'what it threw comes at the end');
  t.same(
    [[...world], await states({ journal }, runId)],
    [
      [],
      [
        ['ground', 'reverted'],
        ['top', 'reverted'],
      ],
    ],
  );
});

test('restoring ends with lease-lost when another holds the run, and marks nothing', async (t) => {
  const { journal, hold, world, options, runId, clock, runs } = await setUp();
  await clock.until(perform(journal, [setKind(world)], hold, change('a'), options));
  await clock.advance(leaseMs);
  await runs.claim('b', leaseMs, 0);
  t.equal(await clock.until(codeOf(restore(journal, [setKind(world)], hold.fence, runId, { clock, deadlineMs: 1000 }))), 'lease-lost');
  t.same(await states({ journal }, runId), [['a', 'applied']]);
});

test('a heartbeat renews the run first, then its effects, never beyond the run', async (t) => {
  const { runs, claim, clock } = await setUp();
  const log: [string, number][] = [];
  const store = {
    renew: async (...given: Parameters<typeof runs.renew>) => {
      const end = await runs.renew(...given);
      log.push(['run', end]);
      return end;
    },
  };
  const held = await clock.until(
    holdLease(store, claim.fence, {
      leaseMs,
      renewEveryMs: 10_000,
      clock,
      marginMs: 500,
      renewEffects: async (until) => void log.push(['effects', until]),
    }),
  );
  await clock.advance(25_000);
  t.same(
    log.map(([what]) => what),
    ['run', 'effects', 'run', 'effects', 'run', 'effects'],
  );
  for (let index = 0; index < log.length; index += 2) t.equal(log[index + 1]?.[1], (log[index]?.[1] ?? 0) - 500);
  t.equal(held.leaseLeft(), leaseMs - 5000);
  t.equal(held.lost.aborted, false);
  await held.stop();
  t.equal(clock.sleeping(), 0, 'nothing is left behind');
});

test('a lease is counted from before the renewal was sent, and a failing renewal is tried again until it is lost', async (t) => {
  const { runs, claim, clock } = await setUp();
  let away = false;
  const troubles: unknown[] = [];
  const store = {
    renew: async (...given: Parameters<typeof runs.renew>) => {
      await clock.sleep(2000);
      if (away) throw new Error('connection refused');
      return runs.renew(...given);
    },
  };
  const held = await clock.until(
    holdLease(store, claim.fence, {
      leaseMs,
      renewEveryMs: 10_000,
      clock,
      renewEffects: async () => {},
      onTrouble: (error) => troubles.push(error),
    }),
  );
  t.equal(held.leaseLeft(), leaseMs - 2000);
  away = true;
  await clock.advance(leaseMs - 2001);
  t.equal(held.lost.aborted, false);
  await clock.advance(1);
  t.equal((held.lost.reason as HaldaneError).code, 'lease-lost');
  t.equal(held.leaseLeft(), 0);
  t.ok(troubles.length >= 2);
  await held.stop();
});

test('a renewal that hangs is given up and made again within the lease, the first one too', async (t) => {
  const { runs, claim, clock } = await setUp();
  let hanging = 1;
  let asked = 0;
  const store = {
    renew: async (...given: Parameters<typeof runs.renew>) => {
      asked += 1;
      if (hanging-- > 0) return new Promise<never>(() => {});
      return runs.renew(...given);
    },
  };
  const troubles: unknown[] = [];
  const held = await clock.until(
    holdLease(store, claim.fence, {
      leaseMs,
      renewEveryMs: 10_000,
      clock,
      renewEffects: async () => {},
      onTrouble: (error) => troubles.push(error),
    }),
  );
  t.equal(asked, 2);
  // One after the other, as when each of several connections hangs: there is time for more than one.
  hanging = 1;
  await clock.advance(10 * leaseMs);
  t.equal(held.lost.aborted, false);
  t.match(troubles, [{ code: 'unavailable' }, { code: 'unavailable' }]);
  hanging = Number.POSITIVE_INFINITY;
  await clock.advance(2 * leaseMs);
  t.equal((held.lost.reason as HaldaneError).code, 'lease-lost', 'but not for ever');
  await held.stop();
});

test('a runner that was asleep sees no lease before it does anything, by either clock', async (t) => {
  for (const which of ['both clocks went on', 'the monotonic clock stood still', 'the clock of the day was set back'] as const) {
    const { runs, claim, clock, journal, world, options } = await setUp();
    let frozen = 0;
    let setBack = 0;
    const seen = { now: () => clock.now() - setBack, monotonic: () => clock.now() - frozen, sleep: clock.sleep.bind(clock) };
    let renewals = 0;
    const store = {
      renew: async (...given: Parameters<typeof runs.renew>) => {
        renewals += 1;
        return runs.renew(...given);
      },
    };
    const held = await clock.until(
      holdLease(store, claim.fence, { leaseMs, renewEveryMs: 10_000, clock: seen, renewEffects: async () => {} }),
    );
    const asleepFor = leaseMs + 60_000;
    if (which === 'the monotonic clock stood still') frozen = asleepFor;
    if (which === 'the clock of the day was set back') setBack = asleepFor + 3_600_000;
    const jumped = clock.jump(asleepFor);
    t.ok(held.leaseLeft() <= 0, which);
    t.equal(await codeOf(perform(journal, [setKind(world)], held, change('a'), { ...options, clock: seen })), 'lease-lost');
    await jumped;
    t.equal((held.lost.reason as HaldaneError).code, 'lease-lost');
    t.equal(renewals, 1, 'and does not take it up again');
    t.same([...world], []);
    await held.stop();
  }
});

type Log = string[];
const stop = (reason: Stop['reason']): { stop: Stop } => ({ stop: { reason, why: 'because', at: 1 } });

/** Stages that note their names; a test replaces some. */
function noting(log: Log, some: Partial<Stages<null>> = {}): Stages<null> {
  const stage = (phase: Phase) => async (): Promise<StageOutcome> => {
    log.push(phase);
    return { done: true };
  };
  return { ...(Object.fromEntries(phases.map((phase) => [phase, stage(phase)])) as unknown as Record<Phase, Stage<null>>), ...some };
}

async function driveUp(log: Log, some: Partial<Stages<null>> = {}, more: Partial<DriveDeps> = {}) {
  const set = await setUp();
  const lost = new AbortController();
  const hold: Pick<HeldLease, 'fence' | 'leaseLeft' | 'lost'> = {
    ...set.hold,
    leaseLeft: () => (lost.signal.aborted ? 0 : leaseMs),
    lost: lost.signal,
  };
  const deps: DriveDeps = { runs: set.runs, journal: set.journal, kinds: [setKind(set.world)], clock: set.clock, hold, ...more };
  const keepClaimed = async () => {
    for (;;) {
      await set.clock.sleep(10_000, lost.signal);
      await set.runs.renew(set.claim.fence, leaseMs);
    }
  };
  void keepClaimed().catch(() => {});
  const driving = () => set.clock.until(drive(set.claim.run, noting(log, some), null, deps));
  return { ...set, lost, deps, driving };
}

test('a run goes its whole way, and facts are added as they are learned', async (t) => {
  const log: Log = [];
  let looks = 0;
  const { driving, clock } = await driveUp(log, {
    observing: async () => {
      log.push('observing');
      looks += 1;
      return looks < 3 ? { again: true, afterMs: 1000 } : { done: true, learned: { decidedAt: 9 } };
    },
  });
  const began = clock.now();
  const { end, run } = await driving();
  t.same([end, run.phase, run.stop, run.facts], ['done', 'done', null, { decidedAt: 9 }]);
  t.same(log, [
    'planning',
    'provisioning',
    'routing',
    'baseline',
    'injecting',
    'proving',
    'observing',
    'observing',
    'observing',
    'restoring',
    'judging',
    'reporting',
  ]);
  t.equal(clock.now() - began, 2000);
});

test('a stop, an error and an abort lead from every phase after planning to restoring, from planning to the end', async (t) => {
  const before = phases.slice(0, phases.indexOf('restoring')) as Exclude<Phase, 'done'>[];
  for (const phase of before) {
    const ways = { stops: 'breach', fails: 'error', 'is asked to abort': 'operator' } as const;
    for (const [way, reason] of Object.entries(ways)) {
      const log: Log = [];
      const set = await driveUp(log, {
        [phase]: async (run: { id: string }, _: null, signal: AbortSignal) => {
          log.push(phase);
          if (way === 'stops') return stop('breach');
          if (way === 'fails') throw new Error('it broke');
          await set.runs.askAbort(run.id, 'enough');
          await set.clock.sleep(100_000, signal);
          return { done: true };
        },
      });
      const { run } = await set.driving();
      t.equal(run.stop?.reason, reason, `${phase} ${way}`);
      if (way === 'fails') t.equal(run.stop?.why, 'it broke');
      if (way === 'is asked to abort') t.equal(run.stop?.why, 'enough');
      const way2 =
        phase === 'planning' ? ['planning'] : [...before.slice(0, before.indexOf(phase) + 1), 'restoring', 'judging', 'reporting'];
      t.same(log, way2);
    }
  }
});

test('a plan that is refused says so', async (t) => {
  const { driving } = await driveUp([], { planning: async () => Promise.reject(new HaldaneError('refused', 'not opted in')) });
  const { run } = await driving();
  t.same([run.phase, run.stop?.reason, run.stop?.why], ['done', 'refused', 'not opted in']);
});

test('an abort never aborts restoring, and an error in it is tried again', async (t) => {
  const log: Log = [];
  let tries = 0;
  const set = await driveUp(log, {
    restoring: async (run, _, signal) => {
      await set.runs.askAbort(run.id, 'now!');
      await set.clock.sleep(20_000, signal);
      tries += 1;
      if (tries < 3) throw new Error('not yet');
      return { done: true };
    },
  });
  const { run } = await set.driving();
  t.equal(tries, 3);
  t.same([run.phase, run.stop?.reason, run.stop?.why], ['done', 'error', 'not yet']);
  t.same(log.slice(-2), ['judging', 'reporting']);
});

test('a judge that goes on failing does not hold the service for ever', async (t) => {
  const log: Log = [];
  const { driving } = await driveUp(log, {
    judging: async () => {
      log.push('judging');
      throw new Error('a bug');
    },
  });
  const { run } = await driving();
  t.same(log.slice(-5), ['restoring', 'judging', 'judging', 'judging', 'reporting']);
  t.same([run.phase, run.stop?.reason, run.stop?.why], ['done', 'error', 'a bug']);
});

test('a lost lease ends the loop without touching anything, though the stage does not listen', async (t) => {
  const log: Log = [];
  const set = await driveUp(log, { baseline: () => new Promise(() => {}) });
  void set.clock.sleep(5000).then(() => set.lost.abort(new HaldaneError('lease-lost', 'gone')));
  t.equal(await codeOf(set.driving()), 'lease-lost');
  const run = await set.runs.get(set.runId);
  t.same([run?.phase, run?.stop], ['baseline', null]);
});

test('a run is handed over between two stages, never while it restores, and another goes on with it', async (t) => {
  const log: Log = [];
  const leaving = new AbortController();
  const set = await driveUp(
    log,
    {
      baseline: async () => {
        leaving.abort();
        return { done: true };
      },
    },
    { handOver: leaving.signal },
  );
  const { end, run } = await set.driving();
  t.same([end, run.phase], ['handed-over', 'injecting']);
  await set.runs.release(set.claim.fence);
  const claim = (await set.runs.claim('b', leaseMs, 0)) as Claim;
  const onwards = await rescue(set.runs, claim, set.clock);
  t.same([onwards.phase, onwards.stop], ['injecting', null], 'it was not abandoned');
  const restless = new AbortController();
  const second = await set.clock.until(
    drive(
      onwards,
      noting(log, {
        restoring: async () => {
          const again = !restless.signal.aborted;
          restless.abort();
          return again ? { again: true, afterMs: 1000 } : { done: true };
        },
      }),
      null,
      {
        ...set.deps,
        hold: { ...set.deps.hold, fence: claim.fence },
        handOver: restless.signal,
      },
    ),
  );
  t.same([second.end, second.run.phase], ['handed-over', 'judging']);
});

test('an abandoned run is restored and not resumed; one that had touched nothing begins again', async (t) => {
  for (const phase of phases.filter((each) => each !== 'done')) {
    const { runs, claim, clock } = await setUp();
    const at = await runs.advance(claim.fence, claim.run.version, { to: phase });
    await clock.advance(leaseMs + 1);
    const taken = (await runs.claim('b', leaseMs, 0)) as Claim;
    t.equal(taken.abandoned, true);
    const run = await rescue(runs, taken, clock);
    if (phase === 'planning') t.same(run, at);
    else t.same([run.phase, run.stop?.reason], ['restoring', 'lease-lost'], phase);
  }
});

test('a run is not done, and its service stays taken, until the journal is clean', async (t) => {
  const log: Log = [];
  let mended = Number.POSITIVE_INFINITY;
  const world = new Set<string>();
  const revert = async ({ name }: { name: string }) => {
    if (set.clock.now() < mended) throw new Error('no right to');
    world.delete(name);
  };
  const kinds = [setKind(world, { revert })];
  const set = await driveUp(
    log,
    {
      injecting: async (_run, _context, signal) => {
        await perform(set.journal, kinds, set.hold, change('fault'), { applyTimeoutMs: 5000, clock: set.clock, signal });
        return { done: true };
      },
      reporting: async () => {
        mended = set.clock.now() + 120_000;
        return { done: true };
      },
    },
    { kinds, lingering: { deadlineMs: 5000, settleMs: 0, everyMs: 10_000 } },
  );
  const { run } = await set.driving();
  t.equal(run.phase, 'done');
  t.ok(set.clock.now() >= mended);
  t.ok((run.facts.cleanAt ?? 0) >= mended, 'when everything was back is a fact of the run');
  t.same([...world], []);
  t.same(await states(set, run.id), [['fault', 'reverted']]);
  const told = (await set.runs.events(run.id, 0, 100)).map((event) => event.type).filter((type) => type === 'stuck' || type === 'restored');
  t.same(told, ['stuck', 'restored'], 'once each');
});

test('when everything was back is a fact of the run, also when the runner that put it back ended before it said so', async (t) => {
  for (const [word, isBack] of [
    ['fault: no right to', true],
    ['a process of the run is left', false],
  ] as const) {
    const set = await driveUp([], {
      injecting: async (_run, _context, signal) => {
        await perform(set.journal, set.deps.kinds, set.hold, change('fault'), { applyTimeoutMs: 5000, clock: set.clock, signal });
        return { done: true };
      },
      restoring: async () => ({ done: true, learned: { restored: { at: 1, clean: false, stuck: [word], superseded: [] } } }),
      reporting: async () => {
        await restore(set.journal, set.deps.kinds, set.claim.fence, set.runId, { clock: set.clock, deadlineMs: 5000 });
        return { done: true };
      },
    });
    const { run } = await set.driving();
    t.same(await states(set, run.id), [['fault', 'reverted']]);
    t.equal(run.facts.cleanAt !== undefined, isBack, word);
  }
});

test('a store that is away for a moment does not stop a run; one that stays away does', async (t) => {
  const log: Log = [];
  let fails = 0;
  const set = await driveUp(log);
  const shaky = {
    get: set.runs.get.bind(set.runs),
    tell: set.runs.tell.bind(set.runs),
    askedToStop: set.runs.askedToStop.bind(set.runs),
    advance: async (...given: Parameters<typeof set.runs.advance>) => {
      const run = await set.runs.advance(...given);
      // The answer is lost after the write got through: the second try meets a conflict with the first.
      if (fails++ % 2 === 0) throw new Error('connection reset');
      return run;
    },
  };
  const { run } = await set.clock.until(drive(set.claim.run, noting(log), null, { ...set.deps, runs: shaky }));
  t.equal(run.phase, 'done');
  t.same(log, phases.slice(0, -1), 'no stage was called twice');
  const away = await driveUp([]);
  const gone = { ...shaky, get: async () => Promise.reject(new Error('connection refused')) };
  t.match(
    await away.clock.until(drive(away.claim.run, noting([]), null, { ...away.deps, runs: gone }).catch((error: Error) => error.message)),
    'connection refused',
  );
});

import { HaldaneError, type HeldDeploys, type Schedule, type ScheduleStore, systemClock } from '@haldane/core';
import { startTestDatabase } from '@haldane/store/testing';
import { after, type Test, test } from 'tap';
import { Doorman } from './doorman.ts';
import { jitterOf } from './jitter.ts';
import { Scheduler } from './scheduler.ts';

const database = await startTestDatabase();
after(() => database.stop());

const hourMs = 3_600_000;
const longAgoMs = 100 * 24 * hourMs;
const nightly: Schedule = {
  id: 'nightly',
  file: '/x/nightly.yaml',
  pool: 'ours',
  cron: '*/15 * * * *',
  zone: 'UTC',
  afterDeploy: false,
  jitterSeconds: 0,
  catchUp: 'once',
};

/** Schedulers over one database, whose clock is a number that the test moves: times are seen as if it were that late. */
async function control(t: Test) {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const { schedules } = copy.store;
  const began = Math.ceil(((await schedules.now()) + 1) / hourMs) * hourMs;
  const time = { now: began };
  // What has come by the test's clock has come long ago by the database's: starts are moved back before they are asked for.
  const seen: ScheduleStore = Object.assign(Object.create(schedules) as ScheduleStore, {
    add: (one: Schedule) => schedules.add(one),
    remove: (id: string) => schedules.remove(id),
    list: (pools?: readonly string[]) => schedules.list(pools),
    times: (id: string, limit: number) => schedules.times(id, limit),
    now: async () => time.now,
    enter: (...given: Parameters<ScheduleStore['enter']>) => schedules.enter(...given),
    take: async (pools: readonly string[], forMs: number) => {
      await copy.query(
        `update schedule_times set start_at = start_at - interval '100 days' where start_at > '2000-01-01' and start_at <= to_timestamp($1::float8 / 1000) and state = 'waiting'`,
        [time.now],
      );
      const taken = await schedules.take(pools, forMs);
      return taken && { ...taken, startAt: taken.startAt + longAgoMs };
    },
    settle: (...given: Parameters<ScheduleStore['settle']>) => schedules.settle(...given),
  });
  const begun: string[] = [];
  const live = new Map<string, string>();
  const troubles: string[] = [];
  const scheduler = (begin: (file: string, key: string) => Promise<string> = async (_file, key) => `run of ${key}`, pools = ['ours']) =>
    new Scheduler({
      schedules: seen,
      pools,
      begin: async (file, key) => {
        const id = await begin(file, key);
        begun.push(key);
        return id;
      },
      liveRevision: async (file) => live.get(file) ?? null,
      sweep: async () => undefined,
      onTrouble: (what, error) => troubles.push(`${what}: ${String(error)}`),
    });
  const add = async (schedule: Partial<Schedule> = {}) => {
    await schedules.add({ ...nightly, ...schedule });
    await copy.query('update schedules set seen_until = to_timestamp($1::float8 / 1000)', [time.now]);
  };
  return { time, schedules, scheduler, begun, live, troubles, add, copy };
}

test('each time is begun once, however many schedulers look, and none is left out', async (t) => {
  const { time, scheduler, begun, add, schedules } = await control(t);
  await add();
  const all = Array.from({ length: 6 }, () => scheduler());
  for (let minute = 0; minute < 60; minute += 1) {
    time.now += 60_000;
    await Promise.all(all.map((one) => one.tick()));
  }
  t.equal(begun.length, 4);
  t.equal(new Set(begun).size, 4);
  t.equal((await schedules.times('nightly', 10)).filter(({ state }) => state === 'begun').length, 4);
});

test('a clock that is set back begins nothing twice', async (t) => {
  const { time, scheduler, begun, add } = await control(t);
  await add();
  const one = scheduler();
  time.now += 16 * 60_000;
  await one.tick();
  for (const jump of [-10, 3, 8, -30, 29, 1]) {
    time.now += jump * 60_000;
    await one.tick();
  }
  t.equal(begun.length, new Set(begun).size);
  t.equal(begun.length, 1);
});

test('times that passed while nobody was there are left, made up for once, or all of the last ten', async (t) => {
  for (const [catchUp, wanted] of [
    ['skip', 0],
    ['once', 1],
    ['all', 10],
  ] as const) {
    const { time, scheduler, begun, add, schedules } = await control(t);
    await add({ catchUp });
    time.now += 30 * hourMs + 7 * 60_000;
    await scheduler().tick();
    t.equal(begun.length, wanted, catchUp);
    const skipped = (await schedules.times('nightly', 200)).filter(({ state }) => state === 'skipped');
    t.equal(skipped.length, 10 - wanted, 'what was left is noted, as far as it is of interest');
    if (skipped[0]) t.match(skipped[0].why, /nobody was there at that time/);
  }
});

test('one that is due now makes up for the one that was missed', async (t) => {
  const { time, scheduler, begun, add } = await control(t);
  await add();
  time.now += 5 * hourMs + 30_000;
  await scheduler().tick();
  t.equal(begun.length, 1);
});

test('a run waits while its service is taken, is skipped when it is refused, and is begun again by another when the first died', async (t) => {
  const { time, scheduler, begun, add, schedules, copy, troubles } = await control(t);
  await add();
  let taken = true;
  const waiting = scheduler(async () => {
    if (taken) throw new HaldaneError('service-taken', 'another run holds it');
    return 'run-1';
  });
  time.now += 15 * 60_000;
  await waiting.tick();
  t.match(await schedules.times('nightly', 1), [{ state: 'waiting', why: 'another run holds it' }]);
  taken = false;
  await waiting.tick();
  t.equal(begun.length, 0, 'not at once');
  await copy.query(`update schedule_times set taken_until = taken_until - interval '20 seconds'`);
  await waiting.tick();
  t.match(await schedules.times('nightly', 1), [{ state: 'begun', runId: 'run-1' }]);

  time.now += 15 * 60_000;
  await scheduler(async () => Promise.reject(new HaldaneError('refused', 'not opted in'))).tick();
  t.match(await schedules.times('nightly', 10), [{ state: 'skipped', why: 'not opted in' }, { state: 'begun' }]);
  t.equal(troubles.length, 1);

  time.now += 15 * 60_000;
  const keys: string[] = [];
  let lost = true;
  const dying = scheduler(async (_file, key) => {
    keys.push(key);
    if (lost) throw new Error('killed');
    return 'run-3';
  });
  // It dies between taking the time and noting what became of it.
  const settle = schedules.settle.bind(schedules);
  schedules.settle = async () => Promise.reject(new Error('killed'));
  await t.rejects(dying.tick());
  schedules.settle = settle;
  lost = false;
  await dying.tick();
  t.equal(keys.length, 1, "it is the first one's for a while");
  await copy.query(`update schedule_times set taken_until = taken_until - interval '3 minutes'`);
  await dying.tick();
  t.equal(keys.length, 2);
  t.equal(keys[0], keys[1], 'under the same key, so that there is one run at most');
});

test('a deploy is followed by one run, and the first look only learns what is live', async (t) => {
  const { scheduler, begun, live, add, time } = await control(t);
  await add({ cron: null, afterDeploy: true });
  const all = [scheduler(), scheduler(), scheduler()];
  const look = async () => {
    time.now += 30_000;
    await Promise.all(all.map((one) => one.lookForDeploys()));
    await Promise.all(all.map((one) => one.tick()));
  };
  await look();
  t.equal(begun.length, 0, 'nobody can say what is live');
  for (const [revision, wanted] of [
    ['one', 0],
    ['one', 0],
    ['two', 1],
    ['two', 1],
    ['one', 2],
  ] as const) {
    live.set(nightly.file, revision);
    await look();
    t.equal(begun.length, wanted, revision);
  }
  t.match(begun[0], /^schedule:nightly:deploy of two, seen /);
});

test('schedules of another pool are left alone, and a removed one is begun no more', async (t) => {
  const { time, scheduler, begun, add, schedules } = await control(t);
  await add();
  time.now += hourMs;
  await scheduler(undefined, ['theirs']).tick();
  t.equal(begun.length, 0);
  t.equal(await schedules.remove('nightly'), true);
  t.equal(await schedules.remove('nightly'), false);
  await scheduler().tick();
  t.equal(begun.length, 0);
  await add();
  await t.rejects(add(), { code: 'conflict' });
});

test('jitter is less than its bound, the same each time, and spreads schedules', async (t) => {
  const drawn = Array.from({ length: 200 }, (_, n) => jitterOf(`schedule-${n}`, 60));
  t.ok(drawn.every((ms) => ms >= 0 && ms < 60_000));
  t.same(
    drawn,
    Array.from({ length: 200 }, (_, n) => jitterOf(`schedule-${n}`, 60)),
  );
  for (const quarter of [0, 1, 2, 3]) t.ok(drawn.filter((ms) => Math.floor(ms / 15_000) === quarter).length > 20);
  t.equal(jitterOf('x', 0), 0);
});

test('it looks by itself, and not any more once it is stopped', async (t) => {
  const { scheduler, begun, add, copy } = await control(t);
  await add();
  await copy.query(
    `insert into schedule_times (schedule_id, due, start_at, state) values ('nightly', 'now', clock_timestamp(), 'waiting')`,
  );
  const one = scheduler();
  one.start();
  for (let tries = 0; begun.length === 0 && tries < 300; tries += 1) await new Promise((done) => setTimeout(done, 100));
  t.same(begun, ['schedule:nightly:now']);
  await one.stop();
});

test('deploys whose rule is gone are named, given up after 30 days, and taken up when they are asked for again', async (t) => {
  const copy = await database.copy();
  t.teardown(() => copy.close());
  const { deploys } = copy.store;
  for (const [id, rule] of [
    ['old', 'renamed'],
    ['new', 'renamed'],
    ['known', 'ours'],
  ] as const)
    await deploys.hold({ id, rule, asked: {} });
  await copy.query(`update held_deploys set held_at = held_at - interval '31 days' where id <> 'new'`);
  const troubles: string[] = [];
  const givenUp: string[] = [];
  const doorman = new Doorman({
    deploys,
    rules: ['ours'],
    orphans: true,
    look: async () => ({ answered: 'yes' }),
    onGivenUp: async ({ id }, why) => void givenUp.push(`${id}: ${why}`),
    onTrouble: (what) => void troubles.push(what),
    clock: systemClock,
    random: Math.random,
  });
  await doorman.lookAtOrphans();
  t.match(troubles, [/^new waits, and no rule here is called renamed/]);
  t.same(givenUp, ['old: no rule here is called renamed']);
  const rows = () => copy.query('select id, rule, state from held_deploys order by id');
  t.match(await rows(), [{ state: 'waiting' }, { state: 'waiting' }, { id: 'old', state: 'given-up' }]);
  t.equal(await deploys.hold({ id: 'old', rule: 'ours', asked: {} }), true);
  t.equal(await deploys.hold({ id: 'old', rule: 'ours', asked: {} }), false);
  await doorman.round();
  t.match(await rows(), [{ state: 'answered' }, { id: 'new', state: 'waiting' }, { rule: 'ours', state: 'answered' }]);
});

test('a round that fails is over when its other looks are', async (t) => {
  let looked = false;
  let first = true;
  const deploy = {
    id: 'd',
    rule: 'ours',
    asked: {},
    progress: {},
    looks: 1,
    failures: 0,
    heldAt: Date.now(),
    abortAsked: null,
    givenUp: null,
  };
  let letGo = () => {};
  const late = new Promise<void>((done) => {
    letGo = done;
  });
  const deploys: HeldDeploys = {
    hold: async () => true,
    holdStage: async () => deploy,
    stage: async () => null,
    abortStage: async () => undefined,
    stageAttended: async () => undefined,
    ofOtherRules: async () => [],
    take: async () => {
      if (looked) return null;
      if (!first) throw new HaldaneError('unavailable', 'the database is away');
      first = false;
      return deploy;
    },
    settle: async () => {
      looked = true;
      return true;
    },
  };
  const look = () => late.then(() => ({ answered: 'yes' }));
  const rest = { onGivenUp: async () => undefined, onTrouble: () => undefined, clock: systemClock, random: Math.random };
  const round = new Doorman({ deploys, rules: ['ours'], orphans: true, look, ...rest }).round().catch((error: unknown) => error);
  const over = await Promise.race([round, new Promise<'goes on'>((done) => setImmediate(() => setImmediate(() => done('goes on'))))]);
  t.equal(over, 'goes on');
  letGo();
  t.match(await round, { code: 'unavailable' });
  t.equal(looked, true);
});

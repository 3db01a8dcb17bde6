import type { AnyChangeKind, Change, Fence, Journal, Run } from '@haldane/core';
import { messageOf } from '@haldane/core';
import type { Hold, PerformOptions, StageOutcome, Stages } from '@haldane/engine';
import { drive, holdLease, perform, rescue, restore, undo } from '@haldane/engine';
import type { MemoryStores } from '@haldane/testkit';
import { Fuse, fused, fusedClock, MemoryWorld, memoryKinds, memoryStores, sampleRun, VirtualClock } from '@haldane/testkit';
import { test } from 'tap';

const leaseMs = 30_000;
const applyTimeoutMs = 5_000;
const settleMs = 1_000;

type Perform = typeof perform;
type Scene = {
  readonly clock: VirtualClock;
  readonly world: MemoryWorld;
  readonly stores: MemoryStores;
  readonly runId: string;
  readonly before: unknown;
};
type Context = { make(...changes: Change[]): Promise<StageOutcome>; take(id: string): Promise<void>; restore(): Promise<StageOutcome> };

/** A world with production, another run's things and fields of the owner's, and one run that waits. */
async function setScene(effectLeaseMs: number | null = null): Promise<Scene> {
  const clock = new VirtualClock();
  const world = new MemoryWorld(clock, effectLeaseMs);
  const route = world.addRoute('pay', { timeout: 30, retries: 2 });
  route.slices.set('theirs', { owner: 'another', until: null, share: 0.2 });
  world.clusters.set('production', { owner: 'team', until: null, revision: 'abc', proxies: [], instances: ['p-0', 'p-1'] });
  const stores = memoryStores(clock);
  const run = await stores.runs.create(sampleRun());
  return { clock, world, stores, runId: run.id, before: world.look() };
}

const change = (id: string, kind: string, standsOn: readonly string[], params: Change['params']): Change => ({
  id,
  kind,
  params,
  standsOn,
  does: `makes ${id}`,
  undo: `unmakes ${id}`,
});

/** The changes of a whole run: both arms on proxies of their own, attached, a slice, a fault, a field of production's. */
function changesOf(owner: string) {
  const slice = (name: string) =>
    change(`slice:${name}`, 'memory.slice', ['attach'], { name: `${owner}-${name}`, owner, route: 'pay', share: 0.1 });
  const proxy = (arm: string) => change(`proxy:${arm}`, 'memory.proxy', [], { name: `${owner}-${arm}`, owner });
  const cluster = (arm: string) =>
    change(`cluster:${arm}`, 'memory.cluster', [`proxy:${arm}`], {
      name: `${owner}-${arm}`,
      owner,
      revision: 'abc',
      proxies: [`${owner}-${arm}`],
      instances: 2,
    });
  return {
    proxies: [proxy('control'), proxy('experiment')],
    clusters: [cluster('control'), cluster('experiment')],
    attach: change('attach', 'memory.attach', ['cluster:control', 'cluster:experiment'], { name: owner, owner, route: 'pay' }),
    slice,
    fault: change('fault', 'memory.fault', ['proxy:experiment', 'cluster:experiment'], {
      name: `${owner}-experiment`,
      value: { mode: 'abort', status: 503 },
    }),
    setting: change('setting', 'memory.setting', [], { name: 'timeout', route: 'pay', value: 5 }),
  };
}

const done: StageOutcome = { done: true };

function stages(runId: string): Stages<Context> {
  const plan = changesOf(runId);
  let watched = 0;
  return {
    planning: async () => done,
    provisioning: async (_, { make }) => make(...plan.proxies, ...plan.clusters),
    routing: async (_, { make }) => make(plan.attach, plan.slice('baseline')),
    baseline: async (_, { take }) => {
      await take('slice:baseline');
      return done;
    },
    injecting: async (_, { make }) => make(plan.setting, plan.fault),
    proving: async (_, { make }) => make(plan.slice('observing')),
    observing: async (_, { make }) => {
      if (++watched >= 3) return done;
      // The next stage of a ramp stands on none of the slices before it.
      if (watched === 2) await make(plan.slice('observing-2'));
      return { again: true, afterMs: 1000 };
    },
    restoring: (_, context) => context.restore(),
    judging: async () => done,
    reporting: async () => done,
  };
}

/** One runner process: claims, drives or rescues, dies where its fuse says. Gives back how it ended. */
async function runner(scene: Scene, name: string, fuse: Fuse, make: Perform = perform): Promise<string> {
  const clock = fusedClock(scene.clock, fuse);
  const runs = fused(scene.stores.runs, fuse, ['claim', 'advance']);
  const journal = fused(scene.stores.journal, fuse, ['intend', 'mark']);
  const kinds = memoryKinds(scene.world, fuse);
  const life = async (): Promise<string> => {
    const claim = await runs.claim(name, leaseMs, applyTimeoutMs);
    if (!claim) return 'nothing to claim';
    const hold = await holdLease(runs, claim.fence, {
      leaseMs,
      renewEveryMs: 10_000,
      clock,
      renewEffects: async (until) => scene.world.renew(scene.runId, until),
    });
    try {
      const run = await rescue(runs, claim, clock);
      const driven = await drive(run, stages(scene.runId), contextOf(journal, kinds, hold, clock, make), {
        runs,
        journal,
        kinds,
        clock,
        hold,
      });
      return driven.end;
    } finally {
      await hold.stop();
    }
  };
  const living = life().catch((error: unknown) => `threw: ${messageOf(error)}`);
  return scene.clock.until(Promise.race([fuse.died.then((step) => `died ${step}`), living]));
}

function contextOf(
  journal: Journal,
  kinds: readonly AnyChangeKind[],
  hold: Hold & { readonly lost: AbortSignal },
  clock: PerformOptions['clock'],
  make: Perform,
): Context {
  const options = { applyTimeoutMs, clock, signal: hold.lost };
  return {
    make: async (...changes) => {
      for (const each of changes) await make(journal, kinds, hold, each, options);
      return done;
    },
    take: async (id) => void (await undo(journal, kinds, hold, id, { clock, deadlineMs: 5_000, signal: hold.lost })),
    restore: async () => {
      const { clean, stuck, superseded } = await restore(journal, kinds, hold.fence, hold.fence.runId, {
        clock,
        deadlineMs: 20_000,
        signal: hold.lost,
        settleMs,
      });
      return { done: true, learned: { restored: { at: clock.now(), clean, stuck, superseded } } };
    },
  };
}

/** Somebody else deploys, sets a field of ours and one that is not, and slices. Done while no runner lives. */
function otherParty({ world }: Scene): void {
  const route = world.routes.get('pay');
  route?.fields.set('timeout', 90);
  route?.fields.set('retries', 7);
  route?.slices.set('newcomer', { owner: 'somebody', until: null, share: 0.05 });
  world.clusters.set('canary', { owner: 'somebody', until: null, revision: 'def', proxies: [], instances: ['c-0'] });
}

/** What is wrong with the world and the journal after everything; empty when nothing is. */
async function wrongs(scene: Scene, wanted: unknown): Promise<string[]> {
  const run = await scene.stores.runs.get(scene.runId);
  const open = (await scene.stores.journal.entries(scene.runId)).filter((entry) => entry.state !== 'reverted');
  const found = open.map((entry) => `journal: ${entry.change.id} is ${entry.state}`);
  if (run?.phase !== 'done') found.push(`the run is in phase ${run?.phase}`);
  if (JSON.stringify(scene.world.look()) !== JSON.stringify(wanted)) found.push(`the world differs: ${JSON.stringify(scene.world.look())}`);
  return [...found, ...scene.world.leftovers(scene.runId)];
}

const takeOver = leaseMs + applyTimeoutMs + 1;
/** 'nothing to claim': the one before died after the very last step. */
const isOver = (end: string | undefined) => end === 'done' || end === 'nothing to claim';

type Played = { readonly ends: readonly string[]; readonly wrong: readonly string[]; readonly run: Run | null };

function copyOf({ clock, world, stores, ...rest }: Scene): Scene {
  const later = new VirtualClock(clock.now());
  return { ...rest, clock: later, world: world.copy(later), stores: stores.copy(later) };
}

/** Runners with these fuses, one after the other has fallen silent, until one of them is not killed. */
async function play(scene: Scene, limits: readonly number[], wanted: unknown, make: Perform = perform): Promise<Played> {
  const ends: string[] = [];
  for (const limit of limits) {
    if (ends.length > 0) await scene.clock.advance(takeOver);
    ends.push(await runner(scene, `runner ${ends.length}`, new Fuse(limit), make));
    if (!ends.at(-1)?.startsWith('died')) break;
  }
  return { ends, wrong: await wrongs(scene, wanted), run: await scene.stores.runs.get(scene.runId) };
}

const never = Number.POSITIVE_INFINITY;

test('a run that nobody kills leaves the world as it was', async (t) => {
  const scene = await setScene();
  const { ends, wrong, run } = await play(scene, [never], scene.before);
  t.same(ends, ['done']);
  t.same(wrong, []);
  t.equal(run?.stop, null);
  t.same(run?.facts.restored?.clean, true);
});

/**
 * Every step of the runner with every step of its rescuer; a third has no fuse. Each deed is a step before and a step after,
 * and dying after one leaves the same world as dying before the next: so odd goes with odd and even with even, and every
 * pair of worlds is still met. Every second time somebody else was there in between.
 */
async function* allPairs() {
  const edited = await setScene();
  otherParty(edited);
  const wanted = [edited.world.look(), (await setScene()).world.look()];
  for (let n = 0; ; n += 1) {
    const alone = await setScene();
    if (!(await runner(alone, 'first', new Fuse(n))).startsWith('died')) return;
    await alone.clock.advance(takeOver);
    const visited = copyOf(alone);
    otherParty(visited);
    for (let m = n % 2, more = true; more; m += 2) {
      const other = Math.floor(m / 2) % 2;
      const played = await play(copyOf(other === 0 ? visited : alone), [m, never], wanted[other]);
      more = played.ends.length === 2;
      yield { n, m, ...played };
    }
  }
}

test('killed at any step, and its rescuer at any step, a run is put back by whoever comes next', async (t) => {
  let pairs = 0;
  let rescued = 0;
  let kept = 0;
  const bad: unknown[] = [];
  for await (const { n, m, ends, wrong, run } of allPairs()) {
    pairs += 1;
    if (run?.stop?.reason === 'lease-lost') rescued += 1;
    if (run?.facts.restored?.superseded.some((word) => word.startsWith('setting'))) kept += 1;
    if (wrong.length > 0 || !isOver(ends.at(-1))) bad.push({ n, m, ends, wrong });
  }
  t.same(bad.slice(0, 3), [], `${bad.length} of ${pairs} pairs were not put back`);
  t.ok(pairs > 2000, `${pairs} pairs were played`);
  t.ok(rescued > pairs / 2, `${rescued} of them were restored and not resumed`);
  t.ok(kept > 100, `${kept} of them found a field that somebody else had set, kept it and said so`);
});

/** The order that everybody gets wrong first: the way back is noted after the deed. */
const applyFirst: Perform = async (journal, kinds, { fence }: { fence: Fence }, wanted, { signal }) => {
  const kind = kinds.find((each) => each.kind === wanted.kind) as AnyChangeKind;
  const before = await kind.capture(wanted.params, signal);
  await kind.apply(wanted.params, before, signal);
  const entry = await journal.intend(fence, wanted, before);
  await journal.mark(fence, entry.seq, 'applied');
  return { ...entry, state: 'applied' };
};

test('with intend and apply swapped, the same test finds what is left over', async (t) => {
  const leaks = new Set<string>();
  let killed = 0;
  for (let n = 0; killed === n; n += 1) {
    const scene = await setScene();
    const { ends, wrong } = await play(scene, [n, never], scene.before, applyFirst);
    if (ends.length > 1) killed += 1;
    for (const each of wrong) leaks.add(each.replace(/ [0-9a-f-]{36}.*$/, ''));
  }
  t.ok(killed > 50, `${killed} steps`);
  for (const kind of ['proxy', 'cluster', 'attached', 'slice', 'the world differs'])
    t.ok(
      [...leaks].some((leak) => leak.startsWith(kind)),
      `${kind} is left over`,
    );
});

test('killed at any step, every effect that has a lease ends without anybody, and the rescuer then finds it gone', async (t) => {
  const bad: unknown[] = [];
  let killed = 0;
  for (let n = 0; killed === n; n += 1) {
    const scene = await setScene(20_000);
    const end = await runner(scene, 'first', new Fuse(n));
    if (end.startsWith('died')) killed += 1;
    await scene.clock.advance(leaseMs);
    scene.world.expire();
    const left = scene.world.leftovers(scene.runId);
    await scene.clock.advance(takeOver);
    const rescued = await runner(scene, 'rescuer', new Fuse());
    const wrong = await wrongs(scene, scene.before);
    if (left.length > 0 || wrong.length > 0 || !isOver(rescued)) bad.push({ n, end, left, wrong, rescued });
  }
  t.ok(killed > 50, `${killed} steps`);
  t.same(bad.slice(0, 3), [], `${bad.length} of ${killed}`);
});

import { setTimeout } from 'node:timers/promises';
import type { AnyChangeKind, Json, JsonObject } from '@haldane/core';
import type { ContractTest } from './contract-test.ts';

/** One kind in a world of its own, in which its change has not been made yet. */
export type KindUnderTest = {
  readonly kind: AnyChangeKind;
  readonly params: JsonObject;
  /** Everything outside that the change, or an edit of somebody else's, can be seen by. Comparable. */
  look(): Promise<unknown>;
  /** Applies but breaks off after `step` single moves (from 0); false when the change has no so many. Absent: it has only one. */
  applyHalf?(before: Json, step: number): Promise<boolean>;
  /** What was made is taken away, as by somebody else or by its lease. Absent: that cannot happen. */
  takeAway?(): Promise<void>;
  /** Somebody else sets a field that the change sets. Absent: it sets none that was there before. */
  supersede?(): Promise<void>;
  /** Somebody else sets something beside what the change sets, in or at the same thing. Absent: there is nothing else to set. */
  editBeside?(): Promise<void>;
  /** How long a revert may take to be seen, in real time; 10 s by default. */
  readonly seenWithinMs?: number;
  close(): Promise<void>;
};

export type MakeKindWorld = () => Promise<KindUnderTest>;

/** What every ChangeKind holds: see its docstring in core. Params and state before go through JSON, as in a journal. */
export async function changeKindContract(t: ContractTest, makeKindWorld: MakeKindWorld): Promise<void> {
  const { signal } = new AbortController();
  const inWorld = (name: string, body: (t: ContractTest, world: KindUnderTest, verbs: ReturnType<typeof verbsOf>) => Promise<void>) =>
    t.test(name, async (subtest: ContractTest) => {
      const world = await makeKindWorld();
      try {
        await body(subtest, world, verbsOf(world, signal));
      } finally {
        await world.close();
      }
    });

  let hasBeside = false;
  await inWorld('capture changes nothing', async (t, { look, editBeside }, { capture }) => {
    hasBeside = editBeside !== undefined;
    const was = await look();
    await capture();
    t.same(await look(), was);
  });

  await inWorld(
    'what is applied is seen, and is gone when it is reverted',
    async (t, { look }, { capture, apply, revert, isReverted, comesBack }) => {
      const was = await look();
      const before = await capture();
      await apply(before);
      t.equal(await isReverted(before), false, 'it is there');
      t.ok(JSON.stringify(await look()) !== JSON.stringify(was), 'and can be seen');
      await revert(before);
      t.ok(await comesBack(before));
      t.same(await look(), was);
    },
  );

  await inWorld('applying twice is applying once', async (t, { look }, { capture, apply, revert, comesBack }) => {
    const was = await look();
    const before = await capture();
    await apply(before);
    const once = await look();
    await apply(before);
    t.same(await look(), once);
    await revert(before);
    t.ok(await comesBack(before));
    t.same(await look(), was);
  });

  await inWorld('reverting twice succeeds', async (t, { look }, { capture, apply, revert, comesBack }) => {
    const was = await look();
    const before = await capture();
    await apply(before);
    await revert(before);
    await revert(before);
    t.ok(await comesBack(before));
    t.same(await look(), was);
  });

  await inWorld('reverting what never happened succeeds and changes nothing', async (t, { look }, { capture, revert, comesBack }) => {
    const was = await look();
    const before = await capture();
    await revert(before);
    t.ok(await comesBack(before));
    t.same(await look(), was);
  });

  await inWorld(
    'what came late, after its revert, is seen and reverted again',
    async (t, { look }, { capture, apply, revert, isReverted, comesBack }) => {
      const was = await look();
      const before = await capture();
      await revert(before);
      await apply(before);
      t.equal(await isReverted(before), false);
      await revert(before);
      t.ok(await comesBack(before));
      t.same(await look(), was);
    },
  );

  await inWorld('what is already gone is reverted', async (t, world, { capture, apply, revert, comesBack }) => {
    const was = await world.look();
    const before = await capture();
    await apply(before);
    await world.takeAway?.();
    if (!world.takeAway) await revert(before);
    await revert(before);
    t.ok(await comesBack(before));
    t.same(await world.look(), was);
  });

  let more = true;
  for (let step = 0; more; step += 1) {
    await inWorld(`an apply that broke off after ${step} moves can be reverted`, async (t, world, { capture, revert, comesBack }) => {
      const was = await world.look();
      const before = await capture();
      more = (await world.applyHalf?.(before, step)) ?? false;
      await revert(before);
      t.ok(await comesBack(before));
      t.same(await world.look(), was);
    });
  }

  /** What a world looks like in which only somebody else was. */
  const lookWhenEdited = async (edit: 'supersede' | 'editBeside'): Promise<unknown> => {
    const untouched = await makeKindWorld();
    try {
      await untouched[edit]?.();
      return await untouched.look();
    } finally {
      await untouched.close();
    }
  };
  if (hasBeside)
    await inWorld(
      'what somebody else has set beside it since is kept',
      async (t, world, { capture, apply, revert, isReverted, comesBack }) => {
        const before = await capture();
        await apply(before);
        await world.editBeside?.();
        t.equal(await isReverted(before), false, 'theirs is not taken for the way back');
        await revert(before);
        t.ok(await comesBack(before));
        t.same(await world.look(), await lookWhenEdited('editBeside'), 'the world is as if only somebody else had been there');
      },
    );

  await inWorld(
    'a field that somebody else has set since is kept and reported',
    async (t, world, { kind, capture, apply, revert, comesBack }) => {
      const before = await capture();
      await apply(before);
      if (!world.supersede) {
        await revert(before);
        t.equal((await kind.superseded?.(world.params, before, signal)) ?? null, null, 'nothing was superseded');
        return;
      }
      await world.supersede();
      await revert(before);
      t.ok(await comesBack(before));
      t.same(await world.look(), await lookWhenEdited('supersede'), 'the world is as if only somebody else had been there');
      t.ok(await kind.superseded?.(world.params, before, signal), 'and it says so');
    },
  );
}

const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function verbsOf({ kind, params, seenWithinMs = 10_000 }: KindUnderTest, signal: AbortSignal) {
  const given = throughJson(params);
  const isReverted = (before: Json) => kind.isReverted(given, before, signal);
  return {
    kind,
    isReverted,
    capture: async (): Promise<Json> => throughJson((await kind.capture(given, signal)) as Json),
    apply: (before: Json) => kind.apply(given, before, signal),
    revert: (before: Json) => kind.revert(given, before, signal),
    /** A real platform may need a moment until a revert is seen. */
    comesBack: async (before: Json): Promise<boolean> => {
      for (let waited = 0; !(await isReverted(before)); waited += 50) {
        if (waited >= seenWithinMs) return false;
        await setTimeout(50);
      }
      return true;
    },
  };
}

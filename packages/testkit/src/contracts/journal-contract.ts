import type { Change, Fence, RunStore } from '@haldane/core';
import { sampleRun } from '../sample-run.ts';
import type { ContractTest, MakeStores } from './contract-test.ts';
import { codeOf, storeTest } from './contract-test.ts';

const lease = 60_000;

async function claimNew(runs: RunStore, service = 'payments'): Promise<Fence> {
  const run = await runs.create(sampleRun(service));
  const claim = await runs.claim('a', lease, 0);
  if (claim?.run.id !== run.id) throw new Error('the new run was not the one to claim');
  return claim.fence;
}

const change = (id: string, standsOn: readonly string[] = []): Change => ({
  id,
  kind: 'demo',
  params: { name: id, deep: { list: [1, null, 'x'] } },
  standsOn,
  does: `makes ${id}`,
  undo: `unmakes ${id}`,
});

/** What every Journal holds. */
export async function journalContract(t: ContractTest, makeStores: MakeStores): Promise<void> {
  await storeTest(t, 'entries come back whole and in the order of intention', makeStores, async (t, { runs, journal }) => {
    const fence = await claimNew(runs);
    const first = await journal.intend(fence, change('a'), { was: [1, { x: null }] });
    await journal.intend(fence, change('b', ['a']), null);
    t.same(first, { runId: fence.runId, seq: 1, change: change('a'), before: { was: [1, { x: null }] }, state: 'intended', note: null });
    const entries = await journal.entries(fence.runId);
    t.same(entries[0], first);
    t.same(
      entries.map((entry) => [entry.seq, entry.change.id, entry.change.standsOn, entry.before]),
      [
        [1, 'a', [], { was: [1, { x: null }] }],
        [2, 'b', ['a'], null],
      ],
    );
    t.same(await journal.entries(sampleRun().id), [], 'an unknown run has none');
  });

  await storeTest(t, 'a state before may be any JSON value', makeStores, async (t, { runs, journal }) => {
    const fence = await claimNew(runs);
    const values = [null, true, 0, '', 'null', [], {}, [null], 1.5];
    for (const [index, value] of values.entries()) await journal.intend(fence, change(`c${index}`), value);
    t.same(
      (await journal.entries(fence.runId)).map((entry) => entry.before),
      values,
    );
  });

  await storeTest(
    t,
    'intending again returns the entry that stands, with the state before from the first time',
    makeStores,
    async (t, { runs, journal }) => {
      const fence = await claimNew(runs);
      await journal.intend(fence, change('a'), 'first');
      await journal.mark(fence, 1, 'applied');
      const again = await journal.intend(fence, { ...change('a'), params: { name: 'other' } }, 'second');
      t.same([again.seq, again.before, again.state, again.change], [1, 'first', 'applied', change('a')]);
      t.equal((await journal.entries(fence.runId)).length, 1);
    },
  );

  await storeTest(t, 'a mark changes one entry, and a new mark takes the old note away', makeStores, async (t, { runs, journal }) => {
    const fence = await claimNew(runs);
    await journal.intend(fence, change('a'), null);
    await journal.intend(fence, change('b'), null);
    await journal.mark(fence, 2, 'stuck', 'it will not go');
    t.same(
      (await journal.entries(fence.runId)).map((entry) => [entry.state, entry.note]),
      [
        ['intended', null],
        ['stuck', 'it will not go'],
      ],
    );
    await journal.mark(fence, 2, 'reverted');
    t.same(
      (await journal.entries(fence.runId)).map((entry) => [entry.state, entry.note]),
      [
        ['intended', null],
        ['reverted', null],
      ],
    );
    t.equal(await codeOf(journal.mark(fence, 3, 'applied')), 'not-found');
  });

  await storeTest(t, "runs do not see each other's entries", makeStores, async (t, { runs, journal }) => {
    const one = await claimNew(runs, 'one');
    const two = await claimNew(runs, 'two');
    await journal.intend(one, change('a'), 'one');
    const entry = await journal.intend(two, change('a'), 'two');
    t.equal(entry.seq, 1, 'each run counts from 1');
    await journal.mark(two, 1, 'reverted');
    t.same(
      (await journal.entries(one.runId)).map((found) => [found.before, found.state]),
      [['one', 'intended']],
    );
  });

  await storeTest(t, 'every write is refused unless the fence is current', makeStores, async (t, { runs, journal, letPass }) => {
    const old = await claimNew(runs);
    await journal.intend(old, change('a'), null);
    await letPass(lease + 1);
    t.equal(await codeOf(journal.intend(old, change('b'), null)), 'lease-lost', 'the lease has ended');
    t.equal(await codeOf(journal.intend(old, change('a'), null)), 'lease-lost', 'nor is a standing entry handed to it');
    t.equal(await codeOf(journal.mark(old, 1, 'applied')), 'lease-lost');
    const claim = await runs.claim('b', lease, 0);
    t.equal(await codeOf(journal.mark(old, 1, 'applied')), 'lease-lost', 'another holds it');
    t.same(
      (await journal.entries(old.runId)).map((entry) => entry.state),
      ['intended'],
    );
    if (claim) await journal.mark(claim.fence, 1, 'reverted');
    t.same(
      (await journal.entries(old.runId)).map((entry) => entry.state),
      ['reverted'],
    );
  });

  await storeTest(t, 'two that intend at once get numbers of their own', makeStores, async (t, { runs, journal }) => {
    const fence = await claimNew(runs);
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const seqs = (await Promise.all(ids.map((id) => journal.intend(fence, change(id), null)))).map((entry) => entry.seq);
    t.same(seqs.sort(), [1, 2, 3, 4, 5]);
  });
}

import { type Claim, type Facts, HaldaneError, type RunStore } from '@haldane/core';
import { sampleRun } from '../sample-run.ts';
import type { ContractTest, MakeStores } from './contract-test.ts';
import { codeOf, storeTest } from './contract-test.ts';

const lease = 60_000;
const restored = (at: number): Facts => ({ restored: { at, clean: true, stuck: [], superseded: [] } });

async function claimed(runs: RunStore, runner = 'a'): Promise<Claim> {
  const claim = await runs.claim(runner, lease, 0);
  if (!claim) throw new Error('there was nothing to claim');
  return claim;
}

/** What every RunStore holds. Each subtest gets an empty store of its own. */
export async function runStoreContract(t: ContractTest, makeStores: MakeStores): Promise<void> {
  await storeTest(t, 'a new run is planned, unstopped, unclaimed, and found again', makeStores, async (t, { runs }) => {
    const wanted = sampleRun();
    const run = await runs.create(wanted);
    t.same([run.phase, run.stop, run.abortAsked, run.facts], ['planning', null, null, {}]);
    t.same(run.experiment, wanted.experiment);
    t.ok(run.createdAt > 0, 'it knows when it was made');
    t.same(await runs.get(wanted.id), run);
    t.equal(await runs.get(sampleRun().id), null, 'an unknown id is null');
    t.same(
      (await runs.events(run.id, 0, 10)).map((event) => [event.seq, event.type]),
      [[1, 'created']],
    );
  });

  await storeTest(t, 'the same key gives the first run, even after its end', makeStores, async (t, { runs }) => {
    const first = await runs.create(sampleRun('payments', 'deploy-17'));
    t.equal((await runs.create(sampleRun('payments', 'deploy-17'))).id, first.id);
    const claim = await claimed(runs);
    await runs.advance(claim.fence, claim.run.version, { to: 'done' });
    t.equal((await runs.create(sampleRun('payments', 'deploy-17'))).id, first.id);
    t.equal((await runs.list(10)).length, 1);
    t.equal((await runs.find('deploy-17'))?.id, first.id);
    t.equal(await runs.find('deploy-18'), null);
  });

  await storeTest(t, 'the same key asked for by several at once is one run', makeStores, async (t, { runs }) => {
    for (let round = 0; round < 5; round += 1) {
      const key = `round-${round}`;
      const made = await Promise.all([1, 2, 3, 4].map(() => runs.create(sampleRun(`service-${round}`, key))));
      t.equal(new Set(made.map(({ id }) => id)).size, 1);
    }
  });

  await storeTest(t, 'one run holds a service and environment until it is done', makeStores, async (t, { runs }) => {
    await runs.create(sampleRun('payments'));
    t.equal(await codeOf(runs.create(sampleRun('payments'))), 'service-taken');
    t.equal(await codeOf(runs.create(sampleRun('orders'))), 'resolved', 'another service is free');
    const wanted = { ...sampleRun('payments'), environment: 'staging' };
    t.equal(await codeOf(runs.create(wanted)), 'resolved', 'another environment is free');
    const claim = await claimed(runs);
    t.equal(claim.run.service, 'payments', 'the oldest run is claimed first');
    await runs.advance(claim.fence, claim.run.version, { to: 'done' });
    t.equal(await codeOf(runs.create(sampleRun('payments'))), 'resolved', 'a done run holds nothing');
  });

  await storeTest(t, 'two that create for one service at once: one wins', makeStores, async (t, { runs }) => {
    const codes = await Promise.all([1, 2, 3, 4].map(() => codeOf(runs.create(sampleRun('payments')))));
    t.same(codes.sort(), ['resolved', 'service-taken', 'service-taken', 'service-taken']);
  });

  await storeTest(t, 'runs are listed newest first', makeStores, async (t, { runs, letPass }) => {
    const ids: string[] = [];
    for (const service of ['a', 'b', 'c']) {
      ids.unshift((await runs.create(sampleRun(service))).id);
      await letPass(5);
    }
    t.same(
      (await runs.list(10)).map((run) => run.id),
      ids,
    );
    t.same(
      (await runs.list(2)).map((run) => run.id),
      ids.slice(0, 2),
    );
    t.same(
      (await runs.list(2, { before: ids[0] ?? '' })).map((run) => run.id),
      ids.slice(1, 3),
      'page by page',
    );
    const of = [
      { service: 'a', environment: 'test' },
      { service: 'b', environment: 'elsewhere' },
    ];
    t.same(
      (await runs.list(10, { of })).map((run) => run.service),
      ['a'],
      'of some services only',
    );
    t.same(await runs.list(10, { of: [] }), []);
  });

  await storeTest(t, 'a run is claimed by one at a time', makeStores, async (t, { runs }) => {
    t.equal(await runs.claim('a', lease, 0), null, 'there is nothing yet');
    await runs.create(sampleRun());
    const claims = await Promise.all(['a', 'b', 'c'].map((runner) => runs.claim(runner, lease, 0)));
    const won = claims.filter((claim) => claim !== null);
    t.equal(won.length, 1);
    t.equal(won[0]?.abandoned, false);
    t.equal(won[0]?.leaseMs, lease);
  });

  await storeTest(t, 'a released run may be claimed at once and is not abandoned', makeStores, async (t, { runs }) => {
    await runs.create(sampleRun());
    const first = await claimed(runs, 'a');
    await runs.release(first.fence);
    const second = await claimed(runs, 'b');
    t.equal(second.abandoned, false);
    t.ok(second.fence.fence > first.fence.fence, 'the fence has grown');
    t.equal(await codeOf(runs.renew(first.fence, lease)), 'lease-lost', 'who gave it back has lost it');
    t.equal(await codeOf(runs.release(first.fence)), 'lease-lost', "and cannot give back what is another's");
    t.equal(await codeOf(runs.renew(second.fence, lease)), 'resolved');
  });

  await storeTest(
    t,
    'a run that was given back and that nobody took within the lease is abandoned',
    makeStores,
    async (t, { runs, letPass }) => {
      await runs.create(sampleRun());
      const first = await claimed(runs, 'a');
      await runs.release(first.fence);
      await letPass(lease + 1);
      t.equal((await claimed(runs, 'b')).abandoned, true, 'what it left in the world has ended by itself, or should have');
    },
  );

  await storeTest(t, 'a run that was given back or put off is taken back only while nobody has it', makeStores, async (t, { runs }) => {
    await runs.create(sampleRun());
    const first = await claimed(runs, 'a');
    t.equal(await runs.takeBack(first.run.id, 'a', lease), null, 'not while it is still held');
    await runs.release(first.fence);
    const [one, two] = await Promise.all([runs.takeBack(first.run.id, 'a', lease), runs.takeBack(first.run.id, 'a', lease)]);
    const again = one ?? two;
    t.equal([one, two].filter((claim) => claim !== null).length, 1, 'once');
    if (again === null) throw new Error('it was not taken back');
    t.equal(again.abandoned, false);
    t.equal(again.run.id, first.fence.runId);
    t.ok(again.fence.fence > first.fence.fence);
    await runs.release(again.fence);
    const other = await claimed(runs, 'b');
    t.equal(await runs.takeBack(first.run.id, 'a', lease), null, 'and nobody takes it from another');
    await runs.putOff(other.fence, 60_000);
    const late = await runs.takeBack(first.run.id, 'a', lease);
    if (late === null) throw new Error('it was not taken back from whoever could not drive it');
    const { version } = await runs.advance(late.fence, late.run.version, { to: 'provisioning' });
    await runs.advance(late.fence, version, { to: 'done' });
    t.equal(await runs.takeBack(first.run.id, 'b', lease), null, 'or after its end');
  });

  await storeTest(
    t,
    'a silent runner loses its run after lease and grace, and every write of it is refused',
    makeStores,
    async (t, { runs, letPass }) => {
      await runs.create(sampleRun());
      const first = await claimed(runs, 'a');
      await letPass(lease + 1000);
      t.equal(await codeOf(runs.renew(first.fence, lease)), 'lease-lost', 'a lease that ended cannot be prolonged, though nobody took it');
      t.equal(await codeOf(runs.advance(first.fence, first.run.version, { to: 'provisioning' })), 'lease-lost');
      t.equal(await runs.claim('b', lease, 30_000), null, "within the grace it is nobody's");
      await letPass(30_000);
      const second = await runs.claim('b', lease, 30_000);
      t.equal(second?.abandoned, true);
      t.ok((second?.fence.fence ?? 0) > first.fence.fence, 'the fence has grown');
      t.equal(await codeOf(runs.renew(first.fence, lease)), 'lease-lost');
      t.equal(await codeOf(runs.advance(first.fence, first.run.version, { to: 'provisioning' })), 'lease-lost');
      t.equal((await runs.get(first.run.id))?.phase, 'planning');
    },
  );

  await storeTest(
    t,
    'a run of a pool is taken by runners of that pool only, and one of none by any',
    makeStores,
    async (t, { runs, letPass }) => {
      const ours = await runs.create({ ...sampleRun('a'), pool: 'ours' });
      const theirs = await runs.create({ ...sampleRun('b'), pool: 'theirs' });
      t.equal(await runs.claim('nobody', lease, 0), null);
      t.equal(await runs.claim('third', lease, 0, ['third']), null);
      t.equal((await runs.claim('us', lease, 0, ['ours', 'more']))?.run.id, ours.id);
      t.equal(await runs.claim('us', lease, 0, ['ours', 'more']), null);
      await letPass(lease + 1);
      t.equal(await runs.claim('nobody', lease, 0), null, 'also when it was abandoned');
      t.equal((await runs.claim('them', lease, 0, ['theirs']))?.run.id, theirs.id);
      const open = await runs.create(sampleRun('c'));
      t.equal((await runs.claim('nobody', lease, 0))?.run.id, open.id);
    },
  );

  await storeTest(
    t,
    'a run that was put off is left alone for as long, and how often is counted',
    makeStores,
    async (t, { runs, letPass }) => {
      await runs.create(sampleRun());
      const first = await claimed(runs);
      t.equal(first.putOff, 0);
      await runs.putOff(first.fence, 5_000);
      t.equal(await runs.claim('b', lease, 0), null);
      t.equal(await codeOf(runs.putOff(first.fence, 0)), 'lease-lost', 'it was given back');
      await letPass(5_001);
      const second = await claimed(runs, 'b');
      t.same([second.putOff, second.abandoned], [1, false]);
      await runs.advance(second.fence, second.run.version, { to: 'provisioning' });
      await runs.release(second.fence);
      t.equal((await claimed(runs)).putOff, 0, 'once it moves, it begins anew');
    },
  );

  await storeTest(t, 'who lost a run can say nothing more in its name', makeStores, async (t, { runs, letPass }) => {
    const run = await runs.create(sampleRun());
    const { fence } = await claimed(runs);
    t.equal((await runs.tell(fence, 'note', { text: 'mine' })).seq, 2);
    await letPass(lease + 1);
    t.equal(await codeOf(runs.tell(fence, 'note', { text: 'late' })), 'lease-lost');
    t.equal((await runs.events(run.id, 0, 10)).length, 2);
  });

  await storeTest(t, 'a renewed lease holds', makeStores, async (t, { runs, letPass }) => {
    await runs.create(sampleRun());
    const claim = await claimed(runs);
    for (let round = 0; round < 3; round += 1) {
      await letPass(lease * 0.7);
      await runs.renew(claim.fence, lease);
    }
    t.equal(await runs.claim('b', lease, 0), null);
    const late = AbortSignal.abort(new HaldaneError('unavailable', 'given up'));
    t.equal(await codeOf(runs.renew(claim.fence, 100 * lease, late)), 'unavailable');
    await letPass(lease * 1.1);
    t.ok((await runs.claim('b', lease, 0)) !== null, 'what was given up before it was asked renews nothing');
  });

  await storeTest(t, 'a run moves by compare-and-set', makeStores, async (t, { runs }) => {
    await runs.create(sampleRun());
    const { fence, run } = await claimed(runs);
    const moved = await runs.advance(fence, run.version, { to: 'provisioning', learned: { injectedAt: 7 } });
    t.equal(moved.phase, 'provisioning');
    t.ok(moved.version > run.version);
    t.same(moved.facts, { injectedAt: 7 });
    t.equal(await codeOf(runs.advance(fence, run.version, { to: 'routing' })), 'conflict');
    t.same(await runs.get(run.id), moved);
  });

  await storeTest(t, 'facts are added and never edited, and the first stop stands', makeStores, async (t, { runs }) => {
    await runs.create(sampleRun());
    const { fence, run } = await claimed(runs);
    const stop = { reason: 'operator', why: 'asked', at: 5 } as const;
    const first = await runs.advance(fence, run.version, { to: 'restoring', stop, learned: { injectedAt: 7 } });
    t.same(first.stop, stop);
    const second = await runs.advance(fence, first.version, {
      to: 'restoring',
      stop: { reason: 'error', why: 'later', at: 6 },
      learned: restored(8),
    });
    t.same(second.stop, stop);
    const third = await runs.advance(fence, second.version, { to: 'judging', learned: { ...restored(9), injectedAt: 10 } });
    t.same(third.facts, { injectedAt: 7, ...restored(8) });
  });

  await storeTest(t, 'a move tells of itself, in order', makeStores, async (t, { runs }) => {
    await runs.create(sampleRun());
    const { fence, run } = await claimed(runs);
    const planned = await runs.advance(fence, run.version, { to: 'provisioning' });
    const told = await runs.tell(run.id, 'note', { text: 'hello' });
    await runs.advance(fence, planned.version, { to: 'restoring', stop: { reason: 'breach', why: 'let in', at: 1 } });
    const events = await runs.events(run.id, 0, 100);
    t.same(
      events.map((event) => event.seq),
      events.map((_, index) => index + 1),
      'numbered from 1 without a gap',
    );
    t.same(
      events.map((event) => event.type),
      ['created', 'phase', 'note', 'phase', 'stop'],
    );
    t.same(
      events.filter((event) => event.type === 'phase').map((event) => event.data['phase']),
      ['provisioning', 'restoring'],
    );
    t.equal(events.at(-1)?.data['reason'], 'breach');
    t.same(events[2], told);
    t.same(
      (await runs.events(run.id, 2, 2)).map((event) => event.seq),
      [3, 4],
    );
  });

  await storeTest(t, "a done run is nobody's any more", makeStores, async (t, { runs, letPass }) => {
    await runs.create(sampleRun());
    const { fence, run } = await claimed(runs);
    const done = await runs.advance(fence, run.version, { to: 'done' });
    t.equal(await codeOf(runs.advance(fence, done.version, { to: 'restoring' })), 'lease-lost');
    t.equal(await codeOf(runs.renew(fence, lease)), 'lease-lost');
    await letPass(lease * 10);
    t.equal(await runs.claim('b', lease, 0), null);
    await runs.askAbort(run.id, 'too late');
    t.equal((await runs.get(run.id))?.abortAsked, null, 'asking after the end is harmless');
  });

  await storeTest(t, 'an abort is asked once, by anybody, and moves nothing', makeStores, async (t, { runs }) => {
    await runs.create(sampleRun());
    const { fence, run } = await claimed(runs);
    const other = await runs.create(sampleRun('another'));
    t.same(await runs.askedToStop([run.id, other.id]), []);
    await runs.askAbort(run.id, 'first');
    await runs.askAbort(run.id, 'second');
    t.equal((await runs.get(run.id))?.abortAsked, 'first');
    t.same(await runs.askedToStop([other.id, run.id]), [await runs.get(run.id)]);
    t.same(await runs.askedToStop([other.id]), []);
    const moved = await runs.advance(fence, run.version, { to: 'provisioning' });
    t.equal(moved.abortAsked, 'first', 'the holder moves on from the version that it knew, and learns of it');
    t.equal(await codeOf(runs.askAbort(sampleRun().id, 'nobody')), 'not-found');
  });

  await storeTest(t, 'an abort that comes before its run is remembered, for who asked', makeStores, async (t, { runs }) => {
    const create = (service: string, key: string, by: string) => runs.create({ ...sampleRun(service, key), by });
    t.equal(await runs.forestall('stage-1', 'spinnaker', 'it timed out'), null);
    t.equal((await create('payments', 'stage-1', 'spinnaker')).abortAsked, 'it timed out');
    t.equal((await create('orders', 'stage-2', 'spinnaker')).abortAsked, null, 'another key');
    await runs.forestall('stage-3', 'a stranger', 'out of spite');
    t.equal((await create('refunds', 'stage-3', 'spinnaker')).abortAsked, null, "a stranger's word is not the pipeline's");
    const known = await runs.forestall('stage-2', 'spinnaker', 'later');
    t.same([known?.service, known?.abortAsked], ['orders', null], 'a run that is there is returned, untouched');
    for (let round = 0; round < 5; round += 1) {
      const key = `round-${round}`;
      const [made, seen] = await Promise.all([create(`service-${round}`, key, 'ci'), runs.forestall(key, 'ci', 'at once')]);
      t.ok(made.abortAsked === 'at once' || seen?.id === made.id, 'of a create and an abort at once one sees the other');
    }
  });

  await storeTest(t, 'a run that must be watched and is not is asked to stop', makeStores, async (t, { runs, letPass }) => {
    const abortAsked = async (id: string) => (await runs.get(id))?.abortAsked;
    const { id } = await runs.create({ ...sampleRun('payments'), unattendedMs: 2 * lease });
    const unasked = await runs.create(sampleRun('orders'));
    const [first, second] = [await claimed(runs), await claimed(runs)];
    const renew = () => Promise.all([first, second].map(({ fence }) => runs.renew(fence, 100 * lease)));
    await renew();
    await letPass(1.2 * lease);
    await runs.attended(id);
    await letPass(1.2 * lease);
    await renew();
    t.equal(await abortAsked(id), null, 'it was watched');
    await letPass(1.2 * lease);
    await renew();
    t.equal(await abortAsked(id), 'nobody asked after it for 120 s');
    t.equal(await abortAsked(unasked.id), null, 'nobody need attend this one');
  });
}

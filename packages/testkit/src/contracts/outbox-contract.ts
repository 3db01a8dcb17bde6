import { type Delivery, type Fence, type News, type Notice, type Outbox, patience, type RunStore } from '@haldane/core';
import { sampleRun } from '../sample-run.ts';
import type { ContractTest, MakeStores } from './contract-test.ts';
import { storeTest } from './contract-test.ts';

const lease = 60_000;
const held = 10_000;

/** A notice of some news, as plain as can be. */
export function sampleNotice({ topic, service, environment, runId, at }: Omit<News, 'id' | 'data'>): Notice {
  const rest = { team: null, experiment: null, revision: null, verdict: null, link: null, commands: [], remedies: [] };
  return { topic, service, environment, runId, at, headline: `${topic} <b>*&* "ünï"`, lines: ['one', 'two'], ...rest };
}

const about = (service: string, topic: News['topic'] = 'approval-asked'): Omit<News, 'id' | 'at'> => ({
  topic,
  service,
  environment: 'test',
  runId: null,
  data: { n: 1 },
});

async function claimed(runs: RunStore): Promise<Fence> {
  const claim = await runs.claim('a', lease, 0, ['theirs']);
  if (claim === null) throw new Error('there was nothing to claim');
  return claim.fence;
}

async function taken(outbox: Outbox, pools: readonly (string | null)[] = [null]): Promise<readonly News[]> {
  const news: News[] = [];
  for (let one = await outbox.takeNews(pools, held); one !== null; one = await outbox.takeNews(pools, held)) {
    news.push(one);
    await outbox.post(one, []);
  }
  return news;
}

/** Puts one notice to each of these on its way. */
async function send(outbox: Outbox, service: string, receivers: readonly string[], once = service): Promise<News> {
  await outbox.announce(about(service), once);
  const news = await outbox.takeNews([null], held);
  if (news === null) throw new Error('there were no news');
  await outbox.post(
    news,
    receivers.map((receiver) => ({ receiver, notice: sampleNotice(news) })),
  );
  return news;
}

const shown = (delivery: Delivery | null) => (delivery === null ? null : [delivery.receiver, delivery.notice.service, delivery.tries]);

/** What every Outbox holds, together with the run store beside it. */
export async function outboxContract(t: ContractTest, makeStores: MakeStores): Promise<void> {
  await storeTest(t, 'what happens to a run is news, once each, and only what makes sense', makeStores, async (t, { runs, outbox }) => {
    const run = await runs.create({ ...sampleRun('payments'), pool: 'theirs' });
    const fence = await claimed(runs);
    const stop = { reason: 'operator', why: 'enough', at: 1 } as const;
    await runs.tell(fence, 'restored', { clean: true });
    await runs.advance(fence, 1, { to: 'provisioning' });
    await runs.advance(fence, 2, { to: 'restoring', stop });
    await runs.tell(fence, 'stuck', { stuck: ['a'] });
    await runs.tell(fence, 'stuck', { stuck: ['a', 'b'] });
    await runs.tell(fence, 'note', { any: 'thing' });
    await runs.tell(fence, 'restored', { clean: true });
    t.same(await taken(outbox, [null, 'ours']), [], 'whose runs they are not hears nothing');
    const news = await taken(outbox, ['theirs']);
    t.same(
      news.map(({ topic }) => topic),
      ['started', 'stopped', 'stuck', 'restored'],
    );
    t.same([...new Set(news.map(({ service, environment, runId }) => `${service} ${environment} ${runId}`))], [`payments test ${run.id}`]);
    t.same(news[1]?.data, { reason: 'operator', why: 'enough' });
    t.same(news[2]?.data, { stuck: ['a'] });
  });

  await storeTest(t, 'a run that stops before it began is no news', makeStores, async (t, { runs, outbox }) => {
    await runs.create(sampleRun());
    await runs.advance(await claimed(runs), 1, { to: 'judging', stop: { reason: 'refused', why: 'no', at: 1 } });
    t.same(await taken(outbox), []);
  });

  await storeTest(t, 'news are with one at a time, and told once', makeStores, async (t, { outbox, letPass }) => {
    await outbox.announce(about('a'), 'same');
    await outbox.announce(about('b'), 'same');
    t.equal(await outbox.takeNews(['theirs'], held), null, 'who tells only of runs is not given it');
    const first = await outbox.takeNews([null], held);
    t.equal(first?.service, 'a');
    await outbox.announce(about('a'), 'later');
    await outbox.announce(about('c'), 'of another');
    t.equal((await outbox.takeNews([null], held))?.service, 'c', 'the first of a service holds up its later ones, and nobody else’s');
    t.equal(await outbox.takeNews([null], held), null, 'it is with the first');
    await letPass(held + 1);
    const again = await outbox.takeNews([null], held);
    t.equal(again?.id, first?.id, 'whoever died with it leaves it to the next');
    if (first === null || again === null) return;
    t.equal(await outbox.post(again, [{ receiver: 'x', notice: sampleNotice(again) }]), true);
    t.equal(await outbox.post(first, [{ receiver: 'x', notice: sampleNotice(first) }]), false, 'the slow one is too late');
    t.ok((await outbox.takeNews([null], held))?.id !== first.id, 'now the later ones');
    const delivery = await outbox.take(['x', 'y'], held);
    t.same([delivery?.id, delivery?.notice], [`${first.id}.x`, sampleNotice(again)]);
    t.equal(await outbox.take(['x', 'y'], held), null, 'one delivery, not two');
    for (const one of await taken(outbox)) t.ok(one.id !== first.id);
    await letPass(held + 1);
    await taken(outbox);
    await outbox.announce(about('a'), 'same');
    t.equal(await outbox.takeNews([null], held), null, 'also not later');
  });

  await storeTest(
    t,
    'to one receiver about one service the earlier goes first; others do not wait',
    makeStores,
    async (t, { outbox, letPass }) => {
      await send(outbox, 'payments', ['x', 'y'], '1');
      await send(outbox, 'payments', ['x'], '2');
      await send(outbox, 'orders', ['x'], '3');
      const first = await outbox.take(['x'], held);
      t.same(shown(first), ['x', 'payments', 1]);
      t.same(shown(await outbox.take(['x'], held)), ['x', 'orders', 1]);
      t.equal(await outbox.take(['x'], held), null, 'the second about payments waits for the first');
      t.same(shown(await outbox.take(['x', 'y'], held)), ['y', 'payments', 1]);
      if (first === null) return;
      t.equal(await outbox.settle(first, { state: 'waiting', againMs: 5_000, why: 'it is down' }), true);
      t.equal(await outbox.take(['x'], held), null);
      await letPass(5_001);
      const again = await outbox.take(['x'], held);
      t.same([again?.id, again?.tries], [first.id, 2], 'the same delivery under the same id');
      t.equal(await outbox.settle(first, { state: 'given-up', why: 'the first try, much too late' }), false, 'an old try gives nothing up');
      t.equal(await outbox.settle(first, { state: 'delivered' }), true, 'but if it arrived, it arrived');
      t.equal(await outbox.settle(first, { state: 'delivered' }), false);
      const second = await outbox.take(['x'], held);
      t.ok(second?.id !== first.id);
      t.same(shown(second), ['x', 'payments', 1]);
    },
  );

  await storeTest(
    t,
    'whoever dies between sending and saying so leaves the delivery to the next',
    makeStores,
    async (t, { outbox, letPass }) => {
      await send(outbox, 'payments', ['x']);
      const first = await outbox.take(['x'], held);
      await letPass(held + 1);
      const second = await outbox.take(['x'], held);
      t.same([second?.id, second?.tries], [first?.id, 2]);
      if (second === null) return;
      t.equal(await outbox.settle(second, { state: 'given-up', why: 'it is gone' }), true);
      await letPass(held + 1);
      t.equal(await outbox.take(['x'], held), null);
    },
  );

  await storeTest(t, 'words from outside arrive as they were said, whatever is in them', makeStores, async (t, { outbox }) => {
    const odd = 'nul \u0000, lone \ud800, quote "\\, brace {,}';
    await outbox.announce({ ...about('payments'), data: { why: odd } }, 'odd');
    const news = await outbox.takeNews([null], held);
    if (news === null) throw new Error('there were no news');
    t.same(news.data, { why: odd });
    const notice = { ...sampleNotice(news), headline: odd, lines: [odd] };
    t.equal(await outbox.post(news, [{ receiver: 'x', notice }]), true);
    t.same((await outbox.take(['x'], held))?.notice, notice);
  });

  await storeTest(t, 'news of another pool hold up nobody, and news that are taken in vain not for ever', makeStores, async (t, stores) => {
    const { runs, outbox, letPass } = stores;
    const run = await runs.create({ ...sampleRun('payments'), pool: 'theirs' });
    await outbox.announce({ ...about('payments'), runId: run.id }, 'theirs');
    await outbox.announce(about('payments'), 'in vain');
    await outbox.announce(about('payments', 'gate-blocked'), 'later');
    const tries: (readonly [string, number])[] = [];
    for (let n = 0; n < patience; n += 1) {
      await letPass(held + 1);
      const news = await outbox.takeNews([null], held);
      tries.push([news?.topic ?? 'none', news?.tries ?? 0]);
    }
    t.same(
      tries,
      Array.from({ length: patience }, (_, n) => ['approval-asked', n + 1]),
      'the earlier first, as long as there is hope',
    );
    t.equal((await outbox.takeNews([null], held))?.topic, 'gate-blocked');
    t.equal(await outbox.takeNews([null], held), null);
    t.equal((await outbox.takeNews(['theirs'], held))?.runId, run.id);
  });

  await storeTest(t, 'as long as a run is not done, its news are kept', makeStores, async (t, { runs, outbox, letPass }) => {
    await runs.create(sampleRun('payments'));
    const fence = await claimed(runs);
    await runs.advance(fence, 1, { to: 'provisioning' });
    await runs.advance(fence, 2, { to: 'restoring' });
    await runs.tell(fence, 'stuck', { stuck: ['a'] });
    await taken(outbox);
    await letPass(20_000);
    t.same(await outbox.clear(10_000), []);
    await runs.tell(fence, 'restored', { clean: true });
    t.same(
      (await taken(outbox)).map(({ topic }) => topic),
      ['restored'],
    );
  });

  await storeTest(t, 'what nobody told or took for long is given up', makeStores, async (t, { outbox, letPass }) => {
    await send(outbox, 'payments', ['nobody']);
    await outbox.announce(about('orders'), 'taken in vain');
    await outbox.takeNews([null], held);
    await outbox.announce(about('billing'), 'nobody is named for it');
    await outbox.clear(1_000);
    await letPass(2_000);
    t.same(await outbox.clear(1_000_000), []);
    t.same(shown(await outbox.take(['nobody'], 1)), ['nobody', 'payments', 1], 'not yet');
    await letPass(2_000);
    const untold = await outbox.clear(1_000);
    t.same(
      untold.map(({ topic, service, environment, receiver }) => [topic, service, environment, receiver]),
      [
        ['approval-asked', 'orders', 'test', null],
        ['approval-asked', 'payments', 'test', 'nobody'],
      ],
    );
    t.same(await outbox.clear(1_000), [], 'once');
    t.equal(await outbox.take(['nobody'], held), null);
    t.equal(await outbox.takeNews([null], held), null);
  });
}

import type { TelemetryNews } from '@haldane/dataplane';
import { test } from 'tap';
import { ask, cookie, FakeTime, newKey, sliceOf, standWithArms } from '../test/stand.ts';

test('an event is told while its second is still open, its block once when that is closed, and the end when the run ends', async (t) => {
  // The wall's clock stands still: whatever is heard of an event was not told by the end of its second.
  const time = new FakeTime();
  const { client, port } = await standWithArms(t, { experiment: (_request, response) => response.writeHead(500).end() }, { time });
  await client.putSlice('pay', sliceOf({ share: 0.5, cap: 1 }));
  const news = client.follow('r1', Math.floor(time.now() / 1000) - 1, AbortSignal.timeout(20_000));
  const next = async (isIt: (news: TelemetryNews) => boolean) => {
    for (;;) {
      const { value, done } = await news.next();
      if (done) throw new Error('the stream ended');
      if (isIt(value)) return value;
    }
  };
  await next(() => true);
  const failed = async () => {
    for (;;) if (((await ask(port, { headers: cookie(newKey()) })) as { status: number }).status === 500) return;
  };
  await failed();
  const asIs = await next(({ open }) => open?.real.experiment.failures === 1);
  t.match(asIs, { blocks: [], attached: true, open: { at: Math.floor(time.now() / 1000), budget: { spent: 1, cap: 1 } } });

  const second = Math.floor(time.now() / 1000);
  time.pass(1250);
  const closed = await next(({ blocks }) => blocks.length > 0);
  t.match(closed, { blocks: [{ at: second, budget: { spent: 1 } }], open: null });
  time.pass(1000);
  t.same(
    (await next(({ blocks }) => blocks.length > 0)).blocks.map(({ at }) => at),
    [second + 1],
    'a second without events is told too, and none twice',
  );
  await client.detach('pay', 'r1');
  await next(({ attached }) => !attached);
  t.equal((await news.next()).done, true);
  await t.rejects(client.follow('nobody', 0, AbortSignal.timeout(20_000)).next(), { code: 'gone' });
});

import type { MetricSource } from '@haldane/core';
import { VirtualClock } from '@haldane/testkit';
import { test } from 'tap';
import { noTraffic } from './none/no-traffic.ts';
import { withContacts } from './with-contacts.ts';

const { signal } = new AbortController();

test('a second is told when both the source and whoever counts contacts have closed it', async (t) => {
  const clock = new VirtualClock(100_000);
  let through = 100;
  let silent = false;
  const counted = { control: 1, experiment: 2 };
  const source: MetricSource = withContacts(noTraffic({ clock }), async () => {
    if (silent) throw new Error('a sidecar does not answer');
    return { through, of: () => ({ dependencyCalls: counted, met: { control: 0, experiment: 2 } }) };
  });
  await clock.advance(3_300);
  const first = await source.read('r1', 99, signal);
  t.match(first, { state: 'ok', points: [{ at: 100, dependencyCalls: counted, met: { experiment: 2 } }] });
  t.equal(first.state === 'ok' && first.points.length, 1, 'what only one of them has closed waits');
  silent = true;
  t.match(await source.read('r1', 100, signal), { state: 'unavailable', why: 'a sidecar does not answer' });
  silent = false;
  through = 102;
  t.match(await source.read('r1', 100, signal), { state: 'ok', points: [{ at: 101 }, { at: 102 }] }, 'nothing was lost meanwhile');
  source.leave?.('r1');
});

test('where nothing is counted besides, the source tells by itself', async (t) => {
  const clock = new VirtualClock(100_000);
  const source = withContacts(noTraffic({ clock }), async () => null);
  await clock.advance(2_300);
  t.match(await source.read('r1', 100, signal), { state: 'ok', points: [{ at: 101, met: { experiment: 0 } }] });
});

import { VirtualClock } from '@haldane/testkit';
import { test } from 'tap';
import { noTraffic } from './no-traffic.ts';

test('each closed second is told once and holds nobody', async (t) => {
  const clock = new VirtualClock(1_000_000);
  const source = noTraffic({ clock });
  const { signal } = new AbortController();
  t.same(await source.read('r', 999, signal), { state: 'no-data' }, 'second 999 has its grace');
  await clock.advance(3_250);
  const reading = await source.read('r', 999, signal);
  const points = reading.state === 'ok' ? reading.points : [];
  t.same(
    points.map((point) => point.at),
    [1000, 1001, 1002],
  );
  t.ok(points.every((point) => point.real.control.requests + point.real.experiment.requests + point.real.production.requests === 0));
  t.same(await source.read('r', 1002, signal), { state: 'no-data' });
});

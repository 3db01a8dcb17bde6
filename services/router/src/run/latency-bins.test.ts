import { test } from 'tap';
import { LatencyBins, packed, unpacked } from './latency-bins.ts';

test('packed and unpacked, bins are what they were', (t) => {
  const bins = new LatencyBins();
  t.same(unpacked(packed(bins.encode())), [], 'none');
  for (const ms of [0, 0.5, 3, 3, 250, 1e9]) bins.add(ms);
  const encoded = bins.encode();
  t.equal(
    encoded.reduce((sum, [, count]) => sum + count, 0),
    6,
  );
  t.same(unpacked(packed(encoded)), encoded);
  t.end();
});

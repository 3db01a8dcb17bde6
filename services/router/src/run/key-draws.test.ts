import { drawKey } from '@haldane/dataplane';
import { test } from 'tap';
import { KeyDraws } from './key-draws.ts';

test('a key draws what its HMAC says, remembered or not, and another secret draws anew', async (t) => {
  const [one, other] = ['ab'.repeat(32), 'cd'.repeat(32)] as const;
  const draws = new KeyDraws(one);
  // More keys than it holds, in two passes: some are remembered, others have lost their place to another.
  const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
  const expected = keys.map((key) => drawKey(one, key));
  for (const pass of [1, 2]) {
    t.same(
      keys.map((key) => draws.of(key)),
      expected,
      `pass ${pass}`,
    );
  }
  t.equal(draws.of('user-19999'), draws.of('user-19999'), 'who asks again soon is remembered');
  draws.use(other);
  t.same(draws.of('user-1'), drawKey(other, 'user-1'));
  draws.forget();
  t.equal(draws.secret, '');
  t.notSame(draws.of('user-1'), drawKey(other, 'user-1'), 'nothing is remembered of a run that ended');
});

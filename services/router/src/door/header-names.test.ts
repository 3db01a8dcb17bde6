import { test } from 'tap';
import { HeaderNames } from './header-names.ts';

test('a name is what its own letters say, whichever names came before it', async (t) => {
  let judged = 0;
  const names = new HeaderNames((name) => {
    judged += 1;
    return name.toLowerCase();
  });
  const usual = ['host', 'Host', 'HOST', 'cookie', 'x-a', 'x-b', 'Content-Length', 'Content_Length', 'a', ''];
  // Far more than are remembered, so that names take each other's places.
  const odd = Array.from({ length: 5000 }, (_, i) => `x-${(i * 7919) % 5000}-h`);
  const wrong = [...usual, ...odd, ...usual, ...odd, ...usual].flatMap((name) => {
    const given = [names.of(name), names.ofBytes(Buffer.from(name, 'latin1'))];
    return given.every((known) => known.name === name && known.about === name.toLowerCase()) ? [] : [name];
  });
  t.same(wrong, []);
  const before = judged;
  for (let i = 0; i < 100; i += 1) names.of(Buffer.from('user-agent').toString());
  t.ok(judged - before <= 1, 'one that is known is not judged again');
});

import type { IncomingMessage } from 'node:http';
import { array, assert, constantFrom, property } from 'fast-check';
import { test } from 'tap';
import { HeaderNames } from './header-names.ts';
import { keyOf, plainPairAt, withoutKey } from './headers.ts';

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

test('a cookie in the usual spelling is read as the slow way reads it, in whatever company', async (t) => {
  const key = '0123456789abcdef0123456789abcdef';
  const pairs = /(?:^|;)\s*haldane_key\s*=([^;]*)/g;
  const slowly = (cookie: string) => {
    const value = [...cookie.matchAll(pairs)][0]?.[1]?.trim() ?? '';
    const rest = cookie
      .replace(pairs, '')
      .replace(/^;?\s*/, '')
      .trimEnd();
    return { key: /^[0-9a-f]{32}$/.test(value) ? value : null, rest: rest || null };
  };
  const read = (cookie: string) => ({ key: keyOf({ headers: { cookie } } as IncomingMessage), rest: withoutKey(cookie) });
  const pieces = [
    'haldane_key',
    '=',
    key,
    `haldane_key=${key}`,
    '; ',
    ';',
    ' ',
    'a=1',
    'b',
    '\t',
    'X',
    key.slice(1),
    'my_haldane_key=2',
    key.toUpperCase(),
  ];
  let plain = 0;
  assert(
    property(array(constantFrom(...pieces), { maxLength: 9 }), (drawn) => {
      // As Node hands it over.
      const cookie = drawn.join('').trim();
      if (!cookie.includes('haldane_key')) return;
      if (plainPairAt(cookie) >= 0) plain += 1;
      const [fast, slow] = [JSON.stringify(read(cookie)), JSON.stringify(slowly(cookie))];
      if (fast !== slow) throw new Error(`${JSON.stringify(cookie)}: ${fast}, but ${slow}`);
    }),
    { numRuns: 20_000, seed: 4 },
  );
  t.ok(plain > 100, `${plain} of them were in the usual spelling`);
  for (const cookie of [`haldane_key=${key}`, `a=1; haldane_key=${key}`, `haldane_key=${key}; a=1`, `a=1; haldane_key=${key}; b=2`])
    t.ok(plainPairAt(cookie) >= 0, cookie);
});

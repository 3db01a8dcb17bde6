import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { plainRules, routePatternSyntax, type SliceRules } from '@haldane/core';
import { drawKey } from '@haldane/dataplane';
import { test } from 'tap';
import { ask, FakeTime, newKey, secret, sliceOf, standWithArms, until } from '../../test/stand.ts';
import { RateCap } from './rate-cap.ts';
import { isNamed, mayBeNamed, plainSegments, routePattern } from './route-pattern.ts';
import { stickyKeyOf } from './sticky-key.ts';

const rules = (over: Partial<SliceRules>): SliceRules => ({ ...plainRules, ...over });
const asked = (method: string, path: string) => ({ method, segments: plainSegments(path) });

test('a route pattern names paths segment by segment, and HEAD with GET', async (t) => {
  for (const [pattern, method, path, named] of [
    ['/orders', 'POST', '/orders?page=2', true],
    ['/orders', 'GET', '/orders/', true],
    ['/orders', 'GET', '/orders/1', false],
    ['/orders', 'GET', '/Orders', false],
    ['/orders/*', 'GET', '/orders/1', true],
    ['/orders/*', 'GET', '/orders', false],
    ['/orders/*/lines', 'GET', '/orders/a%20b/lines', true],
    ['/orders/**', 'GET', '/orders', true],
    ['/orders/**', 'GET', '/orders/1/2/3', true],
    ['/orders/**', 'GET', '/ordersx', false],
    ['/**', 'DELETE', '/', true],
    ['/', 'GET', '/', true],
    ['/', 'GET', '/a', false],
    ['GET /orders', 'HEAD', '/orders', true],
    ['GET /orders', 'PUT', '/orders', false],
  ] as const) {
    t.match(pattern, new RegExp(routePatternSyntax, 'u'));
    t.equal(isNamed(routePattern(pattern), asked(method, path)), named, `${pattern} and ${method} ${path}`);
  }
  for (const wrong of ['orders', '/a*', '/**/b', 'get /a', '/a b', '/a?b', '/a//b', 'TRACE /a', '/a;b', '/%61'])
    t.notMatch(wrong, new RegExp(routePatternSyntax, 'u'), wrong);
});

test('a path that servers read in different ways is never an allowed one, and always a forbidden one', async (t) => {
  for (const path of [
    '/public/../admin',
    '/public/./a',
    '/public//admin',
    '//admin',
    '/public/%2e%2e/admin',
    '/public/%2fadmin',
    '/public/%5cadmin',
    '/public\\..\\admin',
    '/public;v=1/a',
    '/public/%3ba',
    '/public/%252e',
    '/public/%zz',
    '/public/%00',
    '/public/a#b',
    '/public/\u00e4',
    '/public/%c3%a4',
  ]) {
    t.equal(plainSegments(path), null, path);
    t.notOk(isNamed(routePattern('/public/**'), asked('GET', path)), path);
    t.ok(mayBeNamed(routePattern('/admin'), asked('GET', path)), path);
  }
  t.ok(mayBeNamed(routePattern('/admin'), asked('GET', '/ADMIN/')), 'whatever its letters');
  t.notOk(mayBeNamed(routePattern('POST /admin'), asked('GET', '/public/../admin')), 'a method has one spelling');
});

test('a sticky key is read from where the slice says, and from nowhere else', async (t) => {
  const request = (headers: Record<string, string>, cookie: string | null = null, address = '10.0.0.7') => ({
    request: { headers } as IncomingMessage,
    cookie,
    client: () => address,
  });
  const token = (claims: unknown) => `Bearer x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
  const claim = (authorization: string) => stickyKeyOf(request({ authorization }), { from: 'claim', name: 'sub' });
  const key = newKey();
  t.equal(stickyKeyOf(request({}, key), { from: 'cookie' }), key);
  t.equal(stickyKeyOf(request({ 'x-user': 'ann' }), { from: 'header', name: 'X-User' }), 'ann');
  t.equal(stickyKeyOf(request({ 'x-user': 'a'.repeat(257) }), { from: 'header', name: 'x-user' }), null, 'too long');
  t.equal(claim(token({ sub: 'ann' })), 'ann');
  t.equal(claim(token({ sub: 7 })), '7');
  for (const wrong of [token({}), token(null), token({ sub: { a: 1 } }), 'Bearer x.e30', 'Bearer x.%%%.y', 'Basic x.y.z', 'Bearer'])
    t.equal(claim(wrong), null, wrong);
  t.equal(stickyKeyOf(request({ authorization: token({ a: 1 }) }), { from: 'claim', name: 'constructor' }), null);
  const address = (remote: string) => stickyKeyOf(request({ 'x-forwarded-for': '6.6.6.6' }, null, remote), { from: 'address' });
  t.equal(address('10.0.0.7'), '10.0.0.7');
  t.equal(address('2001:db8:1:2:aaaa::1'), '2001:db8:1:2');
  t.equal(address('2001:db8:1:2:bbbb:1:2:3'), '2001:db8:1:2', 'a user changes his address within the network');
  t.equal(address('::1'), '0:0:0:0');
});

test('draws are uniform also where a share is a ten-thousandth, and have nothing to do with those of another run', async (t) => {
  const many = 200_000;
  const bins = 256;
  const counts = new Float64Array(bins);
  const pairs = new Float64Array(256);
  let least = 0;
  for (let i = 0; i < many; i += 1) {
    const { u } = drawKey(secret, `user-${i}`);
    const other = drawKey('d1'.repeat(32), `user-${i}`).u;
    counts[Math.floor(u * bins)] = (counts[Math.floor(u * bins)] ?? 0) + 1;
    const pair = Math.floor(u * 16) * 16 + Math.floor(other * 16);
    pairs[pair] = (pairs[pair] ?? 0) + 1;
    if (u < 0.0001) least += 1;
  }
  const chi = (of: Float64Array) => of.reduce((all, count) => all + (count - many / of.length) ** 2 / (many / of.length), 0);
  // Keys and secrets are fixed, so this never flickers; over all secrets, chi square with 255 degrees of freedom passes 372 once in a million.
  t.ok(chi(counts) < 372, `chi square ${chi(counts).toFixed(1)} of 255`);
  t.ok(chi(pairs) < 372, `chi square ${chi(pairs).toFixed(1)} of 255 for two runs together`);
  // Poisson with a mean of 20: outside of 3 to 47 less than once in a million.
  t.ok(least >= 3 && least <= 47, `${least} of ${many} in a share of 0.01 %`);
});

test('users on the never list, by key, route or header, stay in production', async (t) => {
  const { client, port } = await standWithArms(t, {
    control: (_request, response) => response.end('arm'),
    experiment: (_request, response) => response.end('arm'),
  });
  const never = {
    keys: [createHash('sha256').update('vip').digest('hex')],
    routes: ['/admin/**', 'PUT /pay'],
    headers: [
      { name: 'X-Tier', values: ['gold', 'platinum'] },
      { name: 'x-legal-hold', values: [] },
    ],
  };
  await client.putSlice('pay', sliceOf({ rules: rules({ key: { from: 'header', name: 'x-user' }, never }) }));
  for (const [path, method, headers, body] of [
    ['/', 'GET', {}, 'arm'],
    ['/', 'GET', { 'x-user': 'vip' }, 'production'],
    ['/admin/a', 'GET', {}, 'production'],
    ['/x/../admin/a', 'GET', {}, 'production'],
    ['/pay', 'PUT', {}, 'production'],
    ['/pay', 'GET', {}, 'arm'],
    ['/', 'GET', { 'x-tier': 'silver' }, 'arm'],
    ['/', 'GET', { 'x-tier': 'silver, gold' }, 'production'],
    ['/', 'GET', { 'x-legal-hold': '' }, 'production'],
  ] as const)
    t.match(
      await ask(port, { path, method, headers: { 'x-user': 'ann', ...headers } }),
      { body },
      `${method} ${path} ${JSON.stringify(headers)}`,
    );
  t.match(await ask(port), { body: 'production' }, 'who brings no key is in no arm');
  await t.rejects(client.putSlice('pay', sliceOf({ rules: rules({ key: { from: 'header' } as never }) })), /key.name is missing/);
  await t.rejects(client.putSlice('pay', sliceOf({ rules: rules({ routes: ['/a/**/b'] }) })), { code: 'bad-request' });
});

test('a rate bounds each arm by itself, and a heavy user gets a tenth of it', async (t) => {
  const time = new FakeTime();
  const cap = new RateCap(20, time);
  const taken = (arm: 'control' | 'experiment', keys: readonly string[]) => keys.filter((key) => cap.take(arm, key)).length;
  t.equal(taken('experiment', Array<string>(100).fill('heavy')), 2);
  t.equal(
    taken(
      'experiment',
      Array.from({ length: 100 }, (_, i) => `${i}`),
    ),
    18,
  );
  t.equal(taken('control', ['a', 'b', 'c']), 3);
  time.pass(1000);
  t.equal(taken('experiment', Array<string>(100).fill('heavy')), 2, 'each second anew');
  const slow = new RateCap(0.25, time);
  t.equal(slow.take('control', 'a'), true);
  time.pass(2000);
  t.equal(slow.take('control', 'a'), false);
  time.pass(2000);
  t.equal(slow.take('control', 'a'), true, 'one in four seconds');
});

test('what a rate holds back is served by production, and its second says so', async (t) => {
  const { client, port } = await standWithArms(t, { experiment: (_request, response) => response.end('arm') }, { time: new FakeTime() });
  await client.putSlice('pay', sliceOf({ share: 0.5, rules: rules({ perSecond: 1, key: { from: 'header', name: 'x-user' } }) }));
  let user = 0;
  while (drawKey(secret, `u${user}`).u >= 0.5) user += 1;
  const headers = { 'x-user': `u${user}` };
  t.match(await ask(port, { headers }), { body: 'arm' });
  for (let i = 0; i < 3; i += 1) t.match(await ask(port, { headers }), { body: 'production' });
  t.equal((await client.view()).routes[0]?.slices[0]?.spent, 0);
  await until(async () => (await client.view()).routes[0]?.inFlight.length === 0, 'nobody is left in the arm');
});

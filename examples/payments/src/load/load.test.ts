import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'tap';
import { startIdentityProvider } from '../idp/identity-provider.ts';
import { readLoadConfig } from './config.ts';
import { CookieJar } from './cookie-jar.ts';
import { generateLoad, type Second } from './generator.ts';
import { Tally } from './tally.ts';

test('users keep their own cookies and tokens, and every request without an answer is counted as lost', async (t) => {
  const clients = ['one', 'two'].map((id) => ({ id, secret: `${id}-secret` }));
  const idp = await startIdentityProvider({ port: 0, audience: 'urn:payments', clients });
  // By token, which is by user: the cookies that it was given.
  const givenTo = new Map<string, Set<string>>();
  let named = 0;
  let cut = 0;
  let posts = 0;
  let withCookie = 0;
  let foreign = 0;
  const server = createServer((request, response) => {
    const token = request.headers.authorization ?? '';
    const cookie = request.headers.cookie;
    const given = givenTo.get(token) ?? new Set();
    givenTo.set(token, given);
    if (cookie !== undefined) withCookie += 1;
    if (cookie !== undefined && !given.has(cookie)) foreign += 1;
    if (request.method === 'POST') posts += 1;
    request.resume().on('end', () => {
      if (cookie !== undefined) {
        if (cut < 7) {
          cut += 1;
          request.socket.destroy();
          return;
        }
        response.writeHead(named % 2 === 0 ? 200 : 503).end('{}');
        return;
      }
      named += 1;
      given.add(`visit=${named}`);
      response.writeHead(200, { 'set-cookie': `visit=${named}; Path=/; HttpOnly` }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    server.close();
    server.closeAllConnections();
    await idp.close();
  });
  const seconds: Second[] = [];
  const config = readLoadConfig(['--rate', '100', '--users', '5', '--seconds', '2'], {
    LOAD_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    LOAD_TOKEN_URL: idp.tokenUrl,
    LOAD_CLIENTS: JSON.stringify(clients),
  });
  const final = await generateLoad(
    config,
    { begun: () => undefined, second: (second) => seconds.push(second) },
    new AbortController().signal,
  );
  t.equal(final.sent, 200, 'exactly the rate, for exactly the time');
  t.equal(final.lost, 7);
  t.equal(final.ok + final.failed + final.lost + final.withoutToken, final.sent, 'nothing is forgotten');
  t.equal(final.withoutToken, 0);
  t.equal(final.usersWithCookies, 5);
  t.equal(givenTo.size, 5, 'a token for each user');
  t.equal(foreign, 0, 'nobody comes with the cookie of somebody else');
  t.ok(withCookie > 100, `a cookie once given is kept (${withCookie} of 200 came with one)`);
  t.ok(posts > 5 && posts < 50, `about a tenth pays (${posts} of 200)`);
  t.ok(seconds.length >= 1 && seconds.every(({ at }) => !Number.isNaN(Date.parse(at))));
});

test('without the identity provider nothing is sent and nothing is called lost; a stop ends an endless load', async (t) => {
  const clients = [{ id: 'one', secret: 's' }];
  const stop = new AbortController();
  const config = { url: 'http://127.0.0.1:9', rate: 100, users: 2, seconds: 0, tokenUrl: 'http://127.0.0.1:9/token', clients, seed: 's' };
  const final = await generateLoad(config, { begun: () => undefined, second: () => stop.abort() }, stop.signal);
  t.ok(final.sent > 0);
  t.equal(final.withoutToken, final.sent);
  t.equal(final.lost, 0);
});

test('a cookie jar keeps, replaces and forgets as a browser does', async (t) => {
  const jar = new CookieJar();
  t.equal(jar.header, null);
  jar.take(['a=1; Path=/', 'b=x=y; HttpOnly']);
  jar.take('a=2');
  t.equal(jar.header, 'a=2; b=x=y');
  jar.take(['a=; Max-Age=0', 'b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT', '=nameless']);
  t.equal(jar.header, null);
});

test('a tally tells quantiles within its 5 % and every status', async (t) => {
  const tally = new Tally();
  for (let ms = 1; ms <= 100; ms += 1) tally.outcome(ms === 100 ? 503 : 200, ms);
  tally.outcome(null, 5);
  const { p50, p99, byStatus, lost, ok, failed } = tally.summary();
  t.ok(p50 !== null && p50 >= 50 && p50 <= 52.5, `p50 ${p50}`);
  t.ok(p99 !== null && p99 >= 99 && p99 <= 104, `p99 ${p99}`);
  t.same({ byStatus, lost, ok, failed }, { byStatus: { 200: 99, 503: 1 }, lost: 1, ok: 99, failed: 1 });
  t.equal(new Tally().summary().p99, null, 'no data is no number');
});

test('a load that is told nonsense does not start', async (t) => {
  const env = { LOAD_URL: 'http://x', LOAD_TOKEN_URL: 'http://y', LOAD_CLIENTS: '[{"id":"a","secret":"b"}]' };
  t.match(readLoadConfig([], env), { rate: 200, users: 400, seconds: 0 });
  t.throws(() => readLoadConfig(['--rate', 'fast'], env), { message: 'LOAD_RATE must be a whole number, not "fast"' });
  t.throws(() => readLoadConfig(['--rate', '0'], env), { message: /at least 1/ });
  t.throws(() => readLoadConfig([], { ...env, LOAD_CLIENTS: '[]' }), { message: /LOAD_CLIENTS/ });
});

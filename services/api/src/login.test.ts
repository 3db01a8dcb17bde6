import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Act, wholeScope } from '@haldane/core';
import { startTestDatabase } from '@haldane/store/testing';
import { SignJWT } from 'jose';
import { OAuth2Server } from 'oauth2-mock-server';
import { after, test } from 'tap';
import type { Desk } from './desk.ts';
import { createApi } from './index.ts';
import type { TrustRule } from './login/trust-rule.ts';

const database = await startTestDatabase();
after(() => database.stop());

/** An issuer of logins on this machine. */
async function issuer() {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  const url = server.issuer.url as string;
  const login = (claims: object, expiresIn = 300) =>
    server.issuer.buildToken({
      expiresIn,
      scopesOrTransform: (_header, payload) => Object.assign(payload, { aud: 'haldane', sub: 'repo:acme/payments' }, claims),
    });
  return { url, login, stop: () => server.stop() };
}

const trusted = await issuer();
const stranger = await issuer();
const job = { repository: 'acme/payments', environment: 'staging', ref: 'refs/heads/main' };
const rules: readonly TrustRule[] = [
  {
    issuer: trusted.url,
    audience: 'haldane',
    claims: job,
    grants: [{ role: 'operator', team: 'payments' }],
    scope: { ...wholeScope, environments: ['staging'] },
    livesMs: 900_000,
  },
  {
    issuer: trusted.url,
    audience: 'haldane',
    claims: { groups: 'sre' },
    grants: [{ role: 'viewer', team: '*' }],
    scope: wholeScope,
    livesMs: 60_000,
  },
];

test('a signed login opens once, for what its rule says, and no other login opens anything', async (t) => {
  const copy = await database.copy();
  const app = createApi({
    desk: { store: copy.store } as unknown as Desk,
    tokens: [],
    alertTokens: [],
    onError: () => undefined,
    trust: rules,
    rates: { known: { burst: 1_000, perSecond: 1 }, strangers: { burst: 40, perSecond: 0.001 } },
  });
  t.teardown(async () => {
    await app.close();
    await copy.close();
  });
  const exchange = async (login: string) => {
    const answer = await app.inject({ method: 'POST', url: '/v1/logins', payload: { login } });
    return {
      status: answer.statusCode,
      ...(answer.json() as { token: { subject: string }; secret: string; code: string; detail: string }),
    };
  };
  const good = await trusted.login(job);
  const made = await exchange(good);
  t.match(made, {
    status: 201,
    token: { subject: 'repo:acme/payments', grants: [{ role: 'operator', team: 'payments' }], scope: { environments: ['staging'] } },
  });
  const me = await app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${made.secret}` } });
  t.equal(me.json().subject, 'repo:acme/payments');
  t.match(await exchange(good), { status: 401, detail: /used before/ }, 'replayed');
  t.match(await exchange(await trusted.login({ groups: ['dev', 'sre'], sub: 'ada', email: 'ada@acme.example', email_verified: true })), {
    status: 201,
    token: { subject: 'ada@acme.example', grants: [{ role: 'viewer', team: '*' }] },
  });

  const secret = new TextEncoder().encode('a secret that everybody knows......');
  const symmetric = await new SignJWT({ ...job })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(trusted.url)
    .setAudience('haldane')
    .setSubject('x')
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(secret);
  const [head, body, signature] = (await trusted.login(job)).split('.') as [string, string, string];
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
  const altered = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), environment: 'production' }));
  const now = Math.floor(Date.now() / 1000);
  for (const [what, login] of [
    ['expired', await trusted.login(job, -60)],
    ['meant for another audience', await trusted.login({ ...job, aud: 'another' })],
    ['of an issuer that nobody trusts', await stranger.login(job)],
    ['of a stranger who claims to be the issuer', await stranger.login({ ...job, iss: trusted.url })],
    ['made long ago', await trusted.login({ ...job, iat: now - 7_200, exp: now + 600 })],
    ['for later', await trusted.login({ ...job, nbf: now + 600 })],
    ['without an end', await trusted.login({ ...job, exp: undefined })],
    ['without a subject', await trusted.login({ ...job, sub: undefined })],
    ['unsigned', unsigned],
    ['signed with a secret', symmetric],
    ['altered', `${head}.${altered.toString('base64url')}.${signature}`],
    ['cut off', `${head}.${body}`],
    ['no login at all', 'hello'],
  ] as const)
    t.match(await exchange(login), { status: 401, code: 'unauthorised' }, what);
  for (const claims of [
    { ...job, repository: 'acme/payments-fork' },
    { ...job, environment: 'production' },
    { ...job, ref: 'refs/heads/feature' },
    { groups: 'sre-friends' },
    {},
  ])
    t.match(await exchange(await trusted.login(claims)), { status: 403, code: 'forbidden' }, JSON.stringify(claims));

  const acts = (await copy.store.audit.read(0, 100)).map((entry) => JSON.parse(entry.body) as Act);
  t.equal(acts.filter(({ outcome }) => outcome === 'allowed').length, 2);
  t.match(acts[0], { who: 'repo:acme/payments', did: 'exchangeLogin', to: 'a token for repo:acme/payments' });
  t.notMatch(await copy.dump(), new RegExp(good.split('.')[2] ?? ''), 'no login is kept');
  const many = await Promise.all(Array.from({ length: 30 }, () => exchange('hello')));
  t.ok(
    many.some(({ status }) => status === 429),
    'and guessing is slow',
  );
});

test('an issuer that is away, or points elsewhere, lets nobody in and blames nobody', async (t) => {
  const copy = await database.copy();
  const bad = createServer((_request, response) =>
    response.writeHead(302, { location: `${trusted.url}/.well-known/openid-configuration` }).end(),
  );
  // Names keys in somebody's own network, which whoever trusts this issuer never allowed.
  const asked: string[] = [];
  const inside = createServer(({ url = '' }, response) => {
    asked.push(url);
    response.end('{"keys":[]}');
  });
  inside.listen(0, '127.0.0.1');
  await once(inside, 'listening');
  const insideAt = `http://127.0.0.1:${(inside.address() as AddressInfo).port}`;
  const crooked = createServer(({ headers: { host } }, response) =>
    response.end(JSON.stringify({ issuer: `http://${host}`, jwks_uri: `${insideAt}/keys` })),
  );
  crooked.listen(0, '127.0.0.1');
  await once(crooked, 'listening');
  const naming = `http://127.0.0.1:${(crooked.address() as AddressInfo).port}`;
  bad.listen(0, '127.0.0.1');
  await once(bad, 'listening');
  const redirecting = `http://127.0.0.1:${(bad.address() as AddressInfo).port}`;
  const away = 'http://127.0.0.1:1';
  const app = createApi({
    desk: { store: copy.store } as unknown as Desk,
    tokens: [],
    alertTokens: [],
    onError: () => undefined,
    trust: [redirecting, away, naming].map((url) => ({ ...(rules[0] as TrustRule), issuer: url })),
  });
  t.teardown(async () => {
    for (const server of [bad, inside, crooked]) server.close();
    await app.close();
    await copy.close();
  });
  for (const iss of [redirecting, away, naming]) {
    const answer = await app.inject({ method: 'POST', url: '/v1/logins', payload: { login: await trusted.login({ ...job, iss }) } });
    t.match(answer.json(), { status: 503, code: 'unavailable' });
  }
  t.same(asked, [], 'nobody was asked there');
});

test('the issuers end', async (t) => {
  await t.resolves(Promise.all([trusted.stop(), stranger.stop()]));
});

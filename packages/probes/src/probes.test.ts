import { createHmac, createPublicKey } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Arm,
  type Forgery,
  hasCode,
  type ProbePlan,
  type ProbeSecond,
  type ProbeSession,
  type ProbeStream,
  type Synthetic,
  type SyntheticRequest,
  systemClock,
} from '@haldane/core';
import { egress } from '@haldane/egress';
import { createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from 'jose';
import { type Test, test } from 'tap';
import { errorText, featuresOf } from './answer-features.ts';
import { outcomeOf, tellsTooMuch } from './classify-answer.ts';
import { httpProber } from './http-prober.ts';
import { Lanes } from './lanes.ts';
import { SecondBook } from './second-book.ts';
import { drawn } from './seeded-order.ts';

const everyForgery: readonly Forgery[] = ['missing', 'alg-none', 'hs256-public-key', 'unknown-kid', 'foreign-jku', 'wrong-key', 'expired'];
const payment: SyntheticRequest = {
  name: 'pay',
  method: 'POST',
  path: '/pay?x=1',
  headers: { 'Content-Type': 'application/json' },
  body: '{"amount":1}',
  as: 'payer',
  protected: true,
};
const open: SyntheticRequest = { name: 'status', method: 'GET', path: '/status', headers: {}, body: null, as: null, protected: false };

async function listen(t: Test, handler: (request: IncomingMessage, body: string, response: ServerResponse) => unknown): Promise<string> {
  const server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    await handler(request, body, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A real provider with one RSA key, and what it gave out. */
async function provider(t: Test, lifetime = 300) {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: 'real-1', alg: 'RS256', use: 'sig' };
  const asked: { authorization: string | undefined; body: string }[] = [];
  const url = await listen(t, async (request, body, response) => {
    if (request.url === '/jwks') return response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
    asked.push({ authorization: request.headers.authorization, body });
    if (!body.includes('resource='))
      return response.writeHead(401).end('{"error":"invalid_client","error_description":"secret was s3cret"}');
    const token = await new SignJWT({ n: asked.length })
      .setProtectedHeader({ alg: 'RS256', kid: 'real-1' })
      .setSubject('payer')
      .setIssuer('i')
      .setExpirationTime('5m')
      .sign(privateKey);
    return response.setHeader('content-type', 'application/json').end(JSON.stringify({ access_token: token, expires_in: lifetime }));
  });
  const synthetic: Synthetic = {
    identities: [
      {
        name: 'payer',
        token: {
          from: 'client-credentials',
          url: `${url}/token`,
          clientId: 'cli:ent',
          clientSecretEnv: 'SECRET',
          form: { resource: 'urn:x' },
        },
      },
    ],
    requests: [payment, open],
    jwksUrl: `${url}/jwks`,
    heartbeat: null,
  };
  return { url, jwk, asked, synthetic, verify: createLocalJWKSet({ keys: [jwk] }) };
}

function plan(synthetic: Synthetic, forgeries: readonly Forgery[], more: Partial<ProbeStream> = {}): ProbePlan {
  const legitimate: ProbeStream = { name: 'legitimate', kind: 'legitimate', rate: 20, requests: [payment, open], forgeries: [] };
  const hostile: ProbeStream = { name: 'hostile', kind: 'hostile', rate: 40, requests: [payment], forgeries, ...more };
  return { synthetic, streams: [legitimate, hostile], seed: 'run-1' };
}

const reachOf = (url: string, arm: Arm) => ({ url, headers: { 'x-haldane-synthetic': arm } });
const secret = (name: string): string | undefined => (name === 'SECRET' ? 's3cret&=' : undefined);
const never = new AbortController().signal;
const here = egress(['127.0.0.1']);

/** Waits for a fact, with a generous bound. */
async function until(fact: () => boolean): Promise<void> {
  for (let i = 0; i < 1500 && !fact(); i++) await systemClock.sleep(10);
  if (!fact()) throw new Error('what was waited for did not come');
}

/** Drains the session until what it handed out is enough. */
async function drainUntil(session: ProbeSession, enough: (some: readonly ProbeSecond[]) => boolean): Promise<readonly ProbeSecond[]> {
  const seconds: ProbeSecond[] = [];
  await until(() => {
    seconds.push(...session.drain());
    return enough(seconds);
  });
  return seconds;
}

function sum(
  seconds: readonly ProbeSecond[],
  kind: 'legitimate' | 'hostile',
  arm: Arm,
  field: 'sent' | 'accepted' | 'denied' | 'incidental' | 'leaky',
): number {
  return seconds.reduce((total, second) => total + second[kind][arm][field], 0);
}

test('a verifier that is sound refuses every forgery, each really is what its name says, and valid requests pass', async (t) => {
  const idp = await provider(t);
  const seen = new Map<Arm, string[]>([
    ['control', []],
    ['experiment', []],
  ]);
  const tokens = new Set<string>();
  const service = await listen(t, async (request, body, response) => {
    const arm = request.headers['x-haldane-synthetic'] as Arm;
    const token = request.headers.authorization?.slice('Bearer '.length);
    if (request.url === '/status') return response.end('ok');
    seen.get(arm)?.push(`${request.method} ${request.url} ${body}`);
    if (token) tokens.add(token);
    try {
      await jwtVerify(token ?? '', idp.verify);
      response.setHeader('x-content-type-options', 'nosniff').end('{}');
    } catch {
      response
        .writeHead(401, { 'www-authenticate': 'Bearer', 'content-type': 'application/problem+json' })
        .end(JSON.stringify({ title: 'no', detail: `token 4711 of key ab12cd34ef is not good` }));
    }
  });
  const session = await httpProber({ clock: systemClock, egress: here, secret }).start(
    plan(idp.synthetic, everyForgery),
    { control: reachOf(service, 'control'), experiment: reachOf(service, 'experiment') },
    never,
  );
  t.same(
    session.drain().filter((second) => second.legitimate.control.sent > 0),
    [],
    'nothing is sent before flow',
  );
  const began = Date.now();
  session.flow('control', ['legitimate', 'hostile']);
  session.flow('experiment', ['legitimate', 'hostile']);
  const seconds = await drainUntil(
    session,
    (some) => sum(some, 'hostile', 'control', 'sent') >= 60 && sum(some, 'hostile', 'experiment', 'sent') >= 60,
  );
  const accepts = await session.accepts();
  await session.stop();
  t.same(accepts, []);
  for (const arm of ['control', 'experiment'] as const) {
    t.equal(sum(seconds, 'hostile', arm, 'denied'), sum(seconds, 'hostile', arm, 'sent'), `${arm} refused all`);
    t.equal(sum(seconds, 'legitimate', arm, 'accepted'), sum(seconds, 'legitimate', arm, 'sent'), `${arm} let all valid ones in`);
    t.ok(sum(seconds, 'legitimate', arm, 'sent') > 10);
  }
  t.same(
    seconds.map((second) => second.at),
    seconds.map((_, i) => (seconds[0]?.at ?? 0) + i),
    'each second once, in order',
  );

  const headers = [...tokens].map((token) => ({
    token,
    header: decodeProtectedHeader(token) as { alg: string; kid: string; jku?: string },
  }));
  t.same(
    new Set(headers.filter(({ header }) => /none/i.test(header.alg)).map(({ header }) => header.alg)),
    new Set(['none', 'None', 'nOnE']),
  );
  t.ok(
    headers.filter(({ header }) => /none/i.test(header.alg)).every(({ token }) => token.endsWith('.')),
    'alg none has no signature',
  );
  const pem = createPublicKey({ key: idp.jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string;
  const confused = headers.filter(({ header }) => header.alg === 'HS256');
  t.equal(confused.length, 4, 'PEM, PEM without its last line break, DER and JWK');
  t.ok(
    confused.some(
      ({ token }) =>
        createHmac('sha256', pem)
          .update(token.slice(0, token.lastIndexOf('.')))
          .digest('base64url') === token.split('.')[2],
    ),
    'one is signed with the PEM',
  );
  t.ok(
    headers.some(({ header }) => header.kid.startsWith('k-') && header.jku === undefined),
    'unknown kid',
  );
  t.ok(
    headers.some(({ header }) => header.kid.includes('../')),
    'a kid like a path',
  );
  t.equal(headers.filter(({ header }) => header.jku?.startsWith('http://127.0.0.1:')).length, 2, 'one foreign key set an arm');
  t.equal(
    headers.filter(({ header }) => header.kid === 'real-1' && header.alg === 'RS256').length,
    3,
    'the valid one, a wrong key under the known name, an expired one',
  );
  await t.rejects(fetch(headers.find(({ header }) => header.jku)?.header.jku ?? ''), 'the foreign key set is gone with the session');

  const names = session.features(began - 1000).map((feature) => `${feature.kind} ${feature.name}`);
  for (const name of [
    'class hostile: unauthorised',
    'class legitimate: success',
    'header hostile: www-authenticate',
    'header legitimate: x-content-type-options',
    'error hostile 401: token N of key HEX is not good',
  ])
    t.ok(names.includes(name), name);
  t.same(session.features(Date.now() + 5_000), [], 'features have a beginning');
  const [control, experiment] = [seen.get('control') ?? [], seen.get('experiment') ?? []];
  t.ok(control.every((line) => line === 'POST /pay?x=1 {"amount":1}') && experiment.length > 0);
  t.equal(idp.asked.length, 1, 'one token serves all');
  t.equal(idp.asked[0]?.authorization, `Basic ${Buffer.from('cli%3Aent:s3cret%26%3D').toString('base64')}`);
  t.match(idp.asked[0]?.body, 'grant_type=client_credentials&resource=urn%3Ax');
});

test('an accept is sent again, identical, to control, and its answer is told', async (t) => {
  const idp = await provider(t);
  const got: { arm: string; token: string | undefined }[] = [];
  const service = (arm: Arm, accept: boolean) =>
    listen(t, (request, _body, response) => {
      got.push({ arm, token: request.headers.authorization });
      response.writeHead(accept ? 200 : 401).end();
    });
  const dead = 'http://127.0.0.1:1';
  const run = async (control: string) => {
    const session = await httpProber({ clock: systemClock, egress: here, secret }).start(
      plan(idp.synthetic, ['alg-none']),
      { control: reachOf(control, 'control'), experiment: reachOf(await service('experiment', true), 'experiment') },
      never,
    );
    session.flow('experiment', ['hostile']);
    const accepts: Awaited<ReturnType<ProbeSession['accepts']>>[number][] = [];
    for (let i = 0; i < 500 && accepts.length === 0; i++) {
      accepts.push(...(await session.accepts()));
      await systemClock.sleep(10);
    }
    await session.stop();
    return accepts[0];
  };
  const caused = await run(await service('control', false));
  t.match(caused, { arm: 'experiment', request: 'pay', forgery: 'alg-none', outcome: 'accepted', status: 200, confirmation: 'denied' });
  const again = got.find((one) => one.arm === 'control')?.token;
  t.ok(again !== undefined && got.some((one) => one.arm === 'experiment' && one.token === again), 'the identical credential');
  t.match(await run(await service('control', true)), { confirmation: 'accepted' });
  t.match(await run(dead), { confirmation: null });
});

test('where the hostile request is the change, control gets as many valid ones and no hostile one', async (t) => {
  const idp = await provider(t);
  const counts = { control: { valid: 0, forged: 0 }, experiment: { valid: 0, forged: 0 } };
  const service = await listen(t, async (request, _body, response) => {
    const arm = request.headers['x-haldane-synthetic'] as Arm;
    if (request.url === '/status') return response.end();
    const valid = await jwtVerify(request.headers.authorization?.slice(7) ?? '', idp.verify).then(
      () => true,
      () => false,
    );
    counts[arm][valid ? 'valid' : 'forged'] += 1;
    response.writeHead(valid ? 200 : 401).end();
  });
  const session = await httpProber({ clock: systemClock, egress: here, secret }).start(
    plan(idp.synthetic, ['alg-none'], { validTwin: true }),
    { control: reachOf(service, 'control'), experiment: reachOf(service, 'experiment') },
    never,
  );
  session.flow('control', ['legitimate']);
  session.flow('experiment', ['legitimate', 'hostile']);
  const seconds = await drainUntil(session, (some) => sum(some, 'hostile', 'experiment', 'sent') >= 40);
  await session.stop();
  t.equal(counts.control.forged, 0);
  t.equal(sum(seconds, 'hostile', 'control', 'sent'), 0);
  const load = (arm: Arm) => sum(seconds, 'legitimate', arm, 'sent') + sum(seconds, 'hostile', arm, 'sent');
  t.ok(Math.abs(load('control') - load('experiment')) <= 8, `equal load: ${load('control')} and ${load('experiment')}`);
});

test('a verifier that follows the foreign key set is seen doing so', async (t) => {
  const idp = await provider(t);
  const service = await listen(t, async (request, _body, response) => {
    const token = request.headers.authorization?.slice(7) ?? '';
    const { jku } = decodeProtectedHeader(token) as { jku: string };
    const accepted = await fetch(jku)
      .then(async (answer) => jwtVerify(token, createLocalJWKSet((await answer.json()) as { keys: JWK[] })))
      .then(
        () => true,
        () => false,
      );
    response.writeHead(accepted ? 200 : 401).end();
  });
  const session = await httpProber({ clock: systemClock, egress: here, secret }).start(
    plan(idp.synthetic, ['foreign-jku']),
    { control: reachOf(service, 'control'), experiment: reachOf(service, 'experiment') },
    never,
  );
  session.flow('experiment', ['hostile']);
  let accepted = 0;
  for (let i = 0; i < 500 && accepted === 0; i++) {
    accepted += (await session.accepts()).length;
    await systemClock.sleep(10);
  }
  await session.stop();
  t.ok(accepted > 0, 'it accepts what our key signed');
  const followed = session.features(0).find((feature) => feature.name.includes('jku'));
  t.ok((followed?.experiment ?? 0) > 0 && followed?.control === 0, 'only the experiment went there');
});

test('a credential is renewed before it ends, and forgeries follow it', async (t) => {
  const idp = await provider(t, 1);
  const tokens = new Set<string>();
  const service = await listen(t, (request, _body, response) => {
    tokens.add(request.headers.authorization ?? '');
    response.writeHead(401).end();
  });
  const session = await httpProber({ clock: systemClock, egress: here, secret }).start(
    plan(idp.synthetic, ['alg-none']),
    { control: reachOf(service, 'control'), experiment: reachOf(service, 'experiment') },
    never,
  );
  session.flow('control', ['hostile']);
  await until(() => idp.asked.length >= 3 && tokens.size >= 5);
  await session.stop();
  const numbers = new Set(
    [...tokens].map((token) => (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { n: number }).n),
  );
  t.ok(numbers.size >= 2, 'forgeries of two tokens were sent');
});

test('an identity that gets no credential ends the start with its name and no secret', async (t) => {
  const idp = await provider(t);
  const start = (synthetic: Synthetic, secrets = secret, out = here) =>
    httpProber({ clock: systemClock, egress: out, secret: secrets }).start(
      plan(synthetic, ['alg-none', 'hs256-public-key']),
      { control: reachOf('http://127.0.0.1:1', 'control'), experiment: reachOf('http://127.0.0.1:1', 'experiment') },
      never,
    );
  const identity = idp.synthetic.identities[0] as { name: string; token: { url: string } };
  const changed = (token: object): Synthetic => ({
    ...idp.synthetic,
    identities: [{ name: 'payer', token: { ...identity.token, ...token } as never }],
  });
  const refusals: [string, () => Promise<ProbeSession>, RegExp][] = [
    [
      'refused by the provider',
      () => start(changed({ form: {} })),
      /"payer" cannot get a token from .* it answered 401 \(invalid_client\); check clientId, SECRET and form/,
    ],
    [
      'a provider in our own network that nobody allowed',
      () => start(idp.synthetic, secret, egress([])),
      /nothing is sent there: it is not https.*HALDANE_ALLOW/,
    ],
    [
      'cloud metadata for a provider',
      () => start(changed({ url: 'https://169.254.169.254/token' })),
      /nothing is sent there: its host is at an address/,
    ],
    ['no provider', () => start(changed({ url: 'http://127.0.0.1:1/token' })), /"payer" cannot get a token/],
    ['no secret', () => start(idp.synthetic, () => undefined), /needs the variable SECRET, which is not set/],
    [
      'no JWT',
      () =>
        start({ ...idp.synthetic, identities: [{ name: 'payer', token: { from: 'static', valueEnv: 'OPAQUE' } }] }, () => 'opaque-s3cret'),
      /is no JWT/,
    ],
    ['no keys', () => start({ ...idp.synthetic, jwksUrl: `${idp.url}/token` }), /public keys .* cannot be read/],
  ];
  const asked = idp.asked.length;
  await t.rejects(() => start(idp.synthetic, secret, egress([])));
  t.equal(idp.asked.length, asked, 'whoever is not allowed gets no secret');
  for (const [name, refusal, words] of refusals) {
    const error = await refusal().then(
      () => null,
      (reason: Error) => reason,
    );
    t.ok(hasCode(error, 'unavailable'), name);
    t.match(error?.message, words, name);
    t.notMatch(error?.message, 's3cret', name);
  }
});

test('one request is sent at once when asked, and not after the end', async (t) => {
  const idp = await provider(t);
  const service = await listen(t, (request, _body, response) => response.writeHead(request.headers.authorization ? 204 : 500).end());
  const session = await httpProber({ clock: systemClock, egress: here, secret }).start(
    plan(idp.synthetic, []),
    { control: reachOf(`${service}/base/`, 'control'), experiment: reachOf(service, 'experiment') },
    never,
  );
  t.match(await session.once(payment, 'control', never), {
    request: 'pay',
    forgery: null,
    class: 'success',
    outcome: 'accepted',
    status: 204,
  });
  t.match(await session.once(open, 'control', never), { outcome: 'incidental', status: 500 });
  await session.stop();
  await session.stop();
  await t.rejects(session.once(payment, 'control', never), { code: 'unavailable' });
});

test('a request goes to the reach only, whatever its path says, and follows no redirect', async (t) => {
  const idp = await provider(t);
  let elsewhere = 0;
  const other = await listen(t, (_request, _body, response) => {
    elsewhere += 1;
    response.end();
  });
  const service = await listen(t, (_request, _body, response) => response.writeHead(302, { location: other }).end());
  const session = await httpProber({ clock: systemClock, egress: here, secret }).start(
    plan(idp.synthetic, []),
    { control: reachOf(service, 'control'), experiment: reachOf(service, 'experiment') },
    never,
  );
  await session.once({ ...open, path: `//${new URL(other).host}/x` }, 'control', never);
  await session.once(open, 'control', never);
  await session.stop();
  t.equal(elsewhere, 0);
});

test('an arm that hangs holds up no request of the other one, and the end does not wait for it', async (t) => {
  const idp = await provider(t);
  const service = await listen(t, (request, _body, response) => {
    if (request.headers['x-haldane-synthetic'] === 'control') response.writeHead(401).end();
  });
  const session = await httpProber({ clock: systemClock, egress: here, secret }).start(
    plan(idp.synthetic, ['alg-none'], { rate: 100 }),
    { control: reachOf(service, 'control'), experiment: reachOf(service, 'experiment') },
    never,
  );
  session.flow('control', ['hostile']);
  session.flow('experiment', ['hostile']);
  // More than the connections of one arm: were they shared, control's requests would have none left.
  const seconds = await drainUntil(session, (some) => sum(some, 'hostile', 'control', 'denied') >= 300);
  await session.stop();
  t.equal(sum(seconds, 'hostile', 'experiment', 'denied') + sum(seconds, 'hostile', 'experiment', 'accepted'), 0);
});

test('an answer is classed by its stream', async (t) => {
  const answer = (status: number, body = '', headers = {}) => ({ status, headers, body });
  const trace = '{"error":"boom\\n    at verify (/app/src/token.js:10:3)"}';
  const cases: ['legitimate' | 'hostile', Parameters<typeof outcomeOf>[1], string][] = [
    ['hostile', answer(200), 'accepted'],
    ['hostile', answer(204), 'accepted'],
    ['hostile', answer(401), 'denied'],
    ['hostile', answer(403), 'denied'],
    ['hostile', answer(429), 'denied'],
    ['hostile', answer(404), 'denied'],
    ['hostile', answer(302, '', { location: '/login' }), 'denied'],
    ['hostile', answer(302, '', { location: '/elsewhere' }), 'incidental'],
    ['hostile', answer(503), 'incidental'],
    ['hostile', null, 'incidental'],
    ['hostile', answer(401, trace), 'leaky'],
    ['hostile', answer(403, 'order CANARY-1'), 'leaky'],
    ['hostile', answer(403, '', { 'x-owner': 'CANARY-1' }), 'leaky'],
    ['legitimate', answer(200), 'accepted'],
    ['legitimate', answer(401), 'denied'],
    ['legitimate', answer(500, trace), 'incidental'],
    ['legitimate', null, 'incidental'],
  ];
  for (const [kind, raw, outcome] of cases)
    t.equal(outcomeOf(kind, raw, ['CANARY-1']), outcome, `${kind} ${raw?.status ?? 'nothing'} ${raw?.body ?? ''}`);
  t.ok(tellsTooMuch(answer(400, 'Traceback (most recent call last)'), []));
  t.notOk(tellsTooMuch(answer(400, 'arrived at noon (sharp)'), ['']));
});

test('error texts lose what differs from one answer to the next', async (t) => {
  const json = (body: object) => ({ status: 400, headers: { 'content-type': 'application/problem+json' }, body: JSON.stringify(body) });
  t.equal(errorText(json({ detail: 'request 0b2c9d3e-1111-2222-3333-444455556666 took 12.5 ms' })), 'request UUID took N ms');
  t.equal(errorText(json({ error: { message: 'bad eyJhbGciOiJub25lIn0.eyJhIjoxfQ.' } })), 'bad TOKEN');
  t.equal(errorText({ status: 500, headers: {}, body: `${'x'.repeat(200)}\nsecond` }), 'x'.repeat(80));
  t.equal(errorText({ status: 502, headers: { 'content-type': 'text/html' }, body: '<html><title>Bad Gateway</title>' }), 'Bad Gateway');
  t.equal(errorText(json({})), null);
  t.same(featuresOf('hostile', null), [{ kind: 'class', name: 'hostile: broken' }]);
});

test('the order is seeded, complete in each round, and the same in both arms', async (t) => {
  const order = (seed: string) => Array.from({ length: 21 }, (_, n) => drawn(seed, n, 7));
  t.same(order('a'), order('a'));
  t.not(order('a').join(), order('b').join());
  for (const round of [0, 7, 14])
    t.same(
      order('a')
        .slice(round, round + 7)
        .sort(),
      [0, 1, 2, 3, 4, 5, 6],
    );

  const lanes = new Lanes(plan({ identities: [], requests: [], jwksUrl: null, heartbeat: null }, everyForgery));
  lanes.flow('control', ['hostile'], 0);
  t.equal(lanes.inBoth('hostile'), false);
  const alone = lanes.due(500);
  lanes.flow('experiment', ['hostile'], 500);
  const later = [...alone, ...lanes.due(1000), ...lanes.due(1500)];
  const forgeriesOf = (arm: Arm) => later.filter((due) => due.arm === arm).map((due) => due.forgery);
  const short = forgeriesOf('experiment').length;
  t.ok(short > 30 && forgeriesOf('control').length > short);
  t.same(forgeriesOf('experiment'), forgeriesOf('control').slice(0, short), 'the arm that began later gets the same, later');
  t.ok(lanes.due(60_000).length <= 4, 'a sender that was asleep makes no burst');
  lanes.flow('control', [], 60_000);
  lanes.flow('experiment', [], 60_000);
  t.same([lanes.due(70_000), lanes.nextAt()], [[], null]);
});

test('a second is closed 250 ms after its end, and handed out once', async (t) => {
  const book = new SecondBook(10_400);
  const answer = { request: 'r', forgery: null, class: 'forbidden', outcome: 'denied', status: 403, latencyMs: 1 } as const;
  book.count('hostile', 'control', answer, 10_999);
  t.same(book.drain(11_249), []);
  const [second] = book.drain(11_250);
  t.match(second, { at: 10, hostile: { control: { sent: 1, denied: 1, classes: [0, 0, 0, 1, 0, 0, 0, 0] }, experiment: { sent: 0 } } });
  book.count('hostile', 'control', answer, 10_999);
  t.match(
    book.drain(13_250),
    [
      { at: 11, hostile: { control: { sent: 1 } } },
      { at: 12, hostile: { control: { sent: 0 } } },
    ],
    'a clock set back opens no second again',
  );
  for (let i = 0; i < 400; i++) book.see('control', [{ kind: 'error', name: `e${i}` }], 13_000);
  t.equal(book.features(0).length, 301, 'a chatty service cannot fill the evidence');
});

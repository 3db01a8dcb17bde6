import type { JSONWebKeySet } from 'jose';
import { type Test, test } from 'tap';
import { Agent } from 'undici';
import { type Detector, startDetector } from '../detector/detector.ts';
import { readRules } from '../detector/read-rules.ts';
import { type IdentityProvider, startIdentityProvider } from '../idp/identity-provider.ts';
import { TokenSource } from '../load/token-source.ts';
import { forgedTokens } from '../testing/forged-tokens.ts';
import { startKeyEndpoint } from '../testing/key-endpoint.ts';
import { memoryBook } from '../testing/memory-book.ts';
import { until } from '../testing/until.ts';
import { type Build, readServiceConfig } from './config.ts';
import { startService } from './start-service.ts';

const payment = { amount: 1250, currency: 'EUR', to: 'coal-board', payer: { name: 'Canary Finch', card: '4000 0012 3456 7899' } };
const client = { id: 'user', secret: 'user-secret' };

type World = {
  readonly idp: IdentityProvider;
  readonly keys: Awaited<ReturnType<typeof startKeyEndpoint>>;
  readonly audit: Detector;
  readonly valid: string;
  readonly forged: Readonly<Record<string, string>>;
};

async function aWorld(t: Test): Promise<World> {
  const idp = await startIdentityProvider({ port: 0, audience: 'urn:payments', clients: [client] });
  const keys = await startKeyEndpoint(idp.jwksUrl);
  const audit = await startDetector({
    port: 0,
    rules: readRules('{"rules":[]}', 'none'),
    webhook: 'http://127.0.0.1:9/',
    say: () => undefined,
  });
  t.teardown(async () => {
    keys.close();
    await audit.close();
    await idp.close();
  });
  const agent = new Agent();
  const valid = (await new TokenSource(idp.tokenUrl, [client], agent).take()).token;
  await agent.close();
  const set = (await (await fetch(idp.jwksUrl)).json()) as JSONWebKeySet;
  return { idp, keys, audit, valid, forged: await forgedTokens(valid, set) };
}

async function anInstance(t: Test, world: World, build: Build, holdSeconds = 1) {
  const service = await startService(
    readServiceConfig({
      BUILD: build,
      INSTANCE_NAME: `${build}-1`,
      JWKS_URL: world.keys.url,
      ISSUER: world.idp.url,
      AUDIT_URL: `${world.audit.url}/events`,
      DATABASE_URL: 'not used: the book is in memory',
      KEY_CACHE_SECONDS: String(holdSeconds),
    }),
    async () => memoryBook(),
  );
  t.teardown(() => service.close());
  return {
    health: async () => ((await (await fetch(`${service.url}/healthz`)).json()) as { keys: string }).keys,
    get: (token: string | null) =>
      fetch(`${service.url}/accounts/me`, { headers: token === null ? {} : { authorization: `Bearer ${token}` } }),
    pay: (token: string, body: unknown = payment) =>
      fetch(`${service.url}/payments`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    list: (token: string) => fetch(`${service.url}/payments`, { headers: { authorization: `Bearer ${token}` } }),
    raw: (path: string, init?: RequestInit) => fetch(`${service.url}${path}`, init),
  };
}

type Instance = Awaited<ReturnType<typeof anInstance>>;

/** Which forgeries are let in now, by name. */
async function acceptedBy(instance: Instance, forged: World['forged']): Promise<string[]> {
  const answers = await Promise.all(
    Object.entries(forged).map(async ([name, token]) => ({ name, status: (await instance.get(token)).status })),
  );
  return answers.filter(({ status }) => status < 400).map(({ name }) => name);
}

/** Waits until the keys of an instance have aged and a fetch has failed since. */
async function agedKeys(world: World, instance: Instance): Promise<void> {
  const before = world.keys.calls;
  await until('keys stale and fetched for in vain', async () => (await instance.health()) === 'stale' && world.keys.calls > before + 1);
}

test('the sound build', async (t) => {
  const world = await aWorld(t);
  await t.test('serves valid users and refuses every forgery, whatever the key endpoint does', async (t) => {
    const instance = await anInstance(t, world, 'sound');
    for (const state of ['up', '503', 'empty'] as const) {
      world.keys.state = state;
      if (state !== 'up') await agedKeys(world, instance);
      t.same(await acceptedBy(instance, world.forged), [], `nothing forged is let in while the endpoint is ${state}`);
      t.equal((await instance.get(world.valid)).status, 200, `a valid user is served while it is ${state}`);
      t.equal((await instance.pay(world.valid)).status, 201);
    }
    world.keys.state = 'up';
    await until('keys fresh again', async () => (await instance.health()) === 'fresh');
  });
  await t.test('lets nobody in on a cold instance, and says 503 only where a key could have told', async (t) => {
    world.keys.state = '503';
    const instance = await anInstance(t, world, 'sound');
    const valid = await instance.get(world.valid);
    t.equal(valid.status, 503);
    t.equal(valid.headers.get('retry-after'), '1');
    t.same(await acceptedBy(instance, world.forged), []);
    const statuses = await Promise.all(
      ['alg-none', 'hs256-public-key', 'foreign-jku', 'expired'].map(async (kind) => (await instance.get(world.forged[kind] ?? '')).status),
    );
    t.same(statuses, [401, 401, 401, 401]);
    world.keys.state = 'up';
    await until('the user is served once the keys are there', async () => (await instance.get(world.valid)).status === 200);
  });
  await t.test('answers as a careful service does', async (t) => {
    const instance = await anInstance(t, world, 'sound');
    const refused = await instance.get(null);
    t.equal(refused.status, 401);
    t.equal(refused.headers.get('www-authenticate'), 'Bearer realm="payments"');
    t.match(refused.headers.get('content-type'), 'application/problem+json');
    for (const name of ['strict-transport-security', 'content-security-policy', 'x-content-type-options', 'cache-control']) {
      t.ok(refused.headers.get(name), `${name} is set on a refusal too`);
    }
    t.match((await instance.get('a b')).headers.get('www-authenticate'), 'invalid_token');
    t.match((await instance.get(world.valid)).headers.get('set-cookie'), 'payments-visit=');
    const bad = await instance.pay(world.valid, { ...payment, amount: 'Canary Finch' });
    t.equal(bad.status, 400);
    t.notMatch(await bad.text(), 'Canary', 'what was sent is not repeated');
    t.equal((await instance.raw('/nowhere')).status, 404);
    t.equal((await instance.raw('/audit/heartbeat', { method: 'POST' })).status, 401, 'a stranger cannot fake a heartbeat');
    const made = (await (await instance.pay(world.valid)).json()) as { id: string };
    const { payments } = (await (await instance.list(world.valid)).json()) as { payments: { id: string }[] };
    t.equal(payments[0]?.id, made.id);
    t.equal((await instance.list(world.forged['alg-none'] ?? '')).status, 401);
  });
});

test('each flawed build has exactly its flaw', async (t) => {
  const world = await aWorld(t);
  await t.test('flawed-jwks fails open once its keys have aged and cannot be fetched, and heals', async (t) => {
    const instance = await anInstance(t, world, 'flawed-jwks');
    t.same(await acceptedBy(instance, world.forged), [], 'strict as long as the keys are there');
    for (const state of ['503', 'empty'] as const) {
      world.keys.state = state;
      await agedKeys(world, instance);
      const open = (await acceptedBy(instance, world.forged)).sort();
      t.same(open, ['alg-none', 'foreign-jku', 'hs256-public-key', 'unknown-kid', 'wrong-key'], `open while the endpoint is ${state}`);
      t.equal((await instance.get(world.valid)).status, 200);
    }
    world.keys.state = 'up';
    await until('strict again', async () => (await acceptedBy(instance, world.forged)).length === 0);
  });
  await t.test('flawed-alg believes alg with the keys at hand and without', async (t) => {
    const instance = await anInstance(t, world, 'flawed-alg');
    for (const state of ['up', '503'] as const) {
      world.keys.state = state;
      if (state !== 'up') await agedKeys(world, instance);
      t.same((await acceptedBy(instance, world.forged)).sort(), ['alg-none', 'hs256-public-key'], `while the endpoint is ${state}`);
      t.equal((await instance.get(world.valid)).status, 200);
    }
    world.keys.state = 'up';
  });
  await t.test('slow holds, but turns its users away while it has no fresh keys', async (t) => {
    const instance = await anInstance(t, world, 'slow');
    t.equal((await instance.get(world.valid)).status, 200);
    world.keys.state = '503';
    await until('keys stale', async () => (await instance.health()) === 'stale');
    t.equal((await instance.get(world.valid)).status, 503);
    t.same(await acceptedBy(instance, world.forged), []);
    world.keys.state = 'up';
    t.equal((await instance.get(world.valid)).status, 200, 'the next request gets the keys');
  });
});

test('a key endpoint that never answers holds up no user of the sound build, and the slow one turns its users away', async (t) => {
  const world = await aWorld(t);
  const sound = await anInstance(t, world, 'sound');
  const slow = await anInstance(t, world, 'slow');
  world.keys.state = 'hang';
  await until('both have aged keys', async () => (await sound.health()) === 'stale' && (await slow.health()) === 'stale');
  t.equal((await sound.get(world.valid)).status, 200);
  t.equal((await slow.get(world.valid)).status, 503);
});

test('an instance that is told too little or nonsense does not start, and names what is wrong', async (t) => {
  const env = { JWKS_URL: 'http://127.0.0.1:9/jwks', ISSUER: 'x', AUDIT_URL: 'http://127.0.0.1:9/', DATABASE_URL: 'postgres://x' };
  t.equal(readServiceConfig(env).keyCacheSeconds, 5);
  t.throws(() => readServiceConfig({ ...env, DATABASE_URL: '' }), {
    message: 'DATABASE_URL is not set; this process does not start without it',
  });
  t.throws(() => readServiceConfig({ ...env, BUILD: 'perfect' }), { message: /BUILD must be one of sound, flawed-jwks, flawed-alg, slow/ });
  t.throws(() => readServiceConfig({ ...env, PORT: 'http' }), { message: 'PORT must be a whole number, not "http"' });
});

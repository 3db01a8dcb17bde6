import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode, messageOf } from '@haldane/core';
import { test } from 'tap';
import { gitRevision } from './git-revision.ts';
import { loadManifest, manifestPipeline } from './manifest-pipeline.ts';
import { readManifest } from './read-manifest.ts';

const text = `
service: shop
environment: demo
owner: { team: shop-team, contact: "#shop" }
optIn: [idp-jwks-unavailable]
deploy:
  command: [node, server.js, --workers, 2]
  cwd: ../app
  env: { LEVEL: info, VERSION: 1.10, MARKER: CANARY-env }
  secrets: [SHOP_SECRET]
  health: { path: /healthz, within: 20s }
route: { port: 0 }
dependencies:
  - { name: identity-keys, env: JWKS_URL, url: "https://idp:9000/jwks", as: https, ca: NODE_EXTRA_CA_CERTS }
  - { name: database, env: DATABASE_URL, url: "postgres://shop:CANARY-url@db/shop", as: tcp }
intake:
  - { name: jobs, kind: queue, off: { JOBS: "no" } }
synthetic:
  identities:
    - name: payer
      token: { from: client-credentials, url: "http://idp:9000/token", clientId: s, clientSecretEnv: SHOP_SECRET }
    - name: robot
      token: { from: static, valueEnv: SHOP_SECRET }
  requests:
    - { name: pay, method: POST, path: /pay, body: "{}", as: payer, protected: true }
  jwksUrl: http://idp:9000/jwks
  heartbeat: { name: heartbeat, path: /beat }
`;
const env = { SHOP_SECRET: 'CANARY-secret' };
const signal = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'haldane-manifest-'));
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, GIT_CEILING_DIRECTORIES: tmpdir() },
  });

test('a manifest comes apart into what may be stored and what starts its processes', async (t) => {
  const { described: deployment, recipe, revision } = readManifest({ text, source: '/repo/deploy/shop.yaml', env });
  t.equal(revision, null);
  t.match(deployment, {
    service: 'shop',
    route: 'shop',
    source: 'shop.demo.production',
    instances: 1,
    intakeDeclared: true,
    platform: 'local',
  });
  t.same(deployment.dependencies[1], { name: 'database', env: 'DATABASE_URL', as: 'tcp', ca: null });
  t.match(deployment.synthetic, {
    heartbeat: { name: 'heartbeat', method: 'GET', body: null, as: null, protected: false },
    identities: [{ token: { form: {} } }, { token: { from: 'static' } }],
  });
  t.notMatch(JSON.stringify(deployment), 'CANARY', 'no secret is in what may be stored');
  t.match(recipe('r1'), {
    revision: 'r1',
    cwd: '/repo/app',
    command: ['node', 'server.js', '--workers', '2'],
    env: { LEVEL: 'info', VERSION: '1.10', MARKER: 'CANARY-env', SHOP_SECRET: 'CANARY-secret' },
    portEnv: 'PORT',
    instanceEnv: null,
    health: { path: '/healthz', withinMs: 20_000 },
    route: { name: 'shop', port: 0 },
    dependencies: [{ url: 'https://idp:9000/jwks', ca: 'NODE_EXTRA_CA_CERTS' }, { url: 'postgres://shop:CANARY-url@db/shop' }],
    intakeOff: { JOBS: 'no' },
  });
});

test('a route may say who stands before it and what its door takes; what it does not say is left to the door', async (t) => {
  const routeOf = (route: string) => readManifest({ text: text.replace('{ port: 0 }', route), source: 'a', env }).recipe('r1')?.route;
  t.same(routeOf('{ port: 0 }'), { name: 'shop', port: 0 });
  t.same(routeOf('{ port: 80, trustedProxies: [10.0.0.0/8, "::1"], limits: { headers: 5s, bodyIdle: 0, inFlight: 50 } }'), {
    name: 'shop',
    port: 80,
    trustedProxies: ['10.0.0.0/8', '::1'],
    limits: { headersMs: 5000, bodyIdleMs: 0, inFlight: 50 },
  });
  t.throws(() => routeOf('{ port: 80, trustedProxies: [balancer] }'), { message: /balancer.* is no address or network/ });
  t.throws(() => routeOf('{ port: 80, limits: { inflight: 5 } }'), { message: /inFlight/ });
});

test('intake that is not spoken of is undeclared, an empty list is a declaration', async (t) => {
  const without = text.replace(/intake:\n.*\n/, '');
  t.equal(readManifest({ text: without, source: 'a', env }).described.intakeDeclared, false);
  t.same(readManifest({ text: `${without}\nintake: []`, source: 'a', env }).described.intakeDeclared, true);
});

test('without git the revision is a hash of the file and says so, with git the commit and a mark when something was changed', async (t) => {
  const file = join(folder, 'shop.yaml');
  writeFileSync(file, text);
  const load = () => loadManifest(file, { env, revisionOf: gitRevision }, signal);
  const bare = await loadManifest(file, { env, revisionOf: async () => null }, signal);
  t.match(bare, { revisionFrom: 'content', revision: /^content\.[0-9a-f]{12}$/ });
  git('init', '-q');
  t.equal((await load()).revisionFrom, 'content', 'a repository without a commit has no revision');
  git('add', '.');
  git('commit', '-qm', 'one');
  const head = git('rev-parse', 'HEAD').trim();
  t.match(await load(), { revisionFrom: 'git', revision: head, recipe: { revision: head } });
  writeFileSync(file, `${text}\n# changed`);
  const changed = (await load()).revision;
  t.match(changed, new RegExp(`^${head}\\+dirty\\.[0-9a-f]{8}$`));
  writeFileSync(file, `${text}\n# changed again`);
  t.not((await load()).revision, changed, 'two different changes are two revisions');
  writeFileSync(file, text.replace('  health:', '  revision: v7\n  health:'));
  t.match(await load(), { revisionFrom: 'file', revision: 'v7' });
});

test('the pipeline says what is live, and never guesses', async (t) => {
  const ask = (path: string | null, service = 'shop', readFile = async () => text) =>
    manifestPipeline({ locate: () => path, env, readFile, revisionOf: async () => null }).interrogate(
      { service, environment: 'demo' },
      signal,
    );
  t.match(await ask('/x.yaml'), { service: 'shop', deployInProgress: false });
  await t.rejects(ask(null), { code: 'not-found', message: /no manifest is known for shop/ });
  await t.rejects(ask('/x.yaml', 'other'), { code: 'not-found', message: /describes shop in demo, not other/ });
  await t.rejects(
    ask('/x.yaml', 'shop', async () => Promise.reject(new Error('ENOENT: no such file, open x'))),
    { code: 'not-found', message: /cannot be read \(ENOENT: no such file\)/ },
  );
  const error = await ask('/x.yaml', 'shop', async () => text.replace('LEVEL: info', 'LEVEL: {a: CANARY-env}')).catch(
    (reason: unknown) => reason,
  );
  t.ok(hasCode(error, 'bad-document'));
  t.notMatch(messageOf(error), 'CANARY');
});

test('a service that runs on a platform already is named there, and has no recipe', (t) => {
  const begin = 'service: shop\nenvironment: demo\nowner: { team: shop-team, contact: "#shop" }\n';
  const deployed = 'deployed: { cluster: shop-production, route: "shop-alb:443/10" }\n';
  const read = (rest: string) => readManifest({ text: begin + rest, source: '/repo/shop.yaml', env: {} });
  const { described: deployment, recipe } = read(`platform: aws\n${deployed}`);
  t.match(deployment, { platform: 'aws', source: 'shop-production', route: 'shop-alb:443/10' });
  t.equal(recipe('abc'), null);
  t.same(deployment.withoutHooks, undefined);
  t.same(read(`platform: aws\n${deployed.replace(' }', ', withoutHooks: [warm-up] }')}`).described.withoutHooks, ['warm-up']);
  t.throws(() => read('platform: aws\n'), { code: 'bad-document', message: /missing "deployed"/ });
  t.throws(() => read(`platform: aws\n${deployed}route: { port: 0 }\n`), { message: /route stands in "deployed"/ });
  t.throws(() => read(deployed), { message: /missing "deploy"/ });
  t.throws(() => read(`${deployed}deploy: { command: [x], health: { path: / } }\nroute: { port: 0 }\n`), { message: /another platform/ });
  t.end();
});

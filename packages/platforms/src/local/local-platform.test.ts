import { spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type AnyChangeKind, type Change, type ClusterState, type Json, systemClock } from '@haldane/core';
import { DataplaneClient } from '@haldane/dataplane';
import { type LocalPlatform, LocalProduction, localPlatform, sweep } from '@haldane/platforms';
import { test } from 'tap';
import { endInstance } from './end-instance.ts';
import { foldersIn, readInstance } from './instances.ts';
import { writeJsonFile } from './keeper/json-file.ts';
import type { InstanceRecord } from './keeper/order.ts';
import { processStart } from './keeper/process-start.ts';
import { makeProxyCertificate } from './proxy-certificate.ts';
import { makeSandbox, type Sandbox, until } from './testing/sandbox.ts';

const clock = systemClock;
const signal = AbortSignal.timeout(100_000);
const nobody = new DataplaneClient({ url: 'http://127.0.0.1:9', token: 'nobody-listens-there' });

async function text(url: string, headers: Record<string, string> = {}): Promise<string> {
  return (await fetch(url, { headers: { connection: 'close', ...headers } })).text();
}

/** Makes a change as the engine does, without a journal; returns the way back. */
async function make(platform: LocalPlatform, change: Change): Promise<() => Promise<boolean>> {
  const kind = kindOf(platform, change);
  const before: Json = await kind.capture(change.params, signal);
  await kind.apply(change.params, before, signal);
  return async () => {
    await kind.revert(change.params, before, signal);
    return kind.isReverted(change.params, before, signal);
  };
}

function kindOf(platform: LocalPlatform, change: Change): AnyChangeKind {
  const kind = platform.changeKinds.find((one) => one.kind === change.kind);
  if (!kind) throw new Error(`no kind ${change.kind}`);
  return kind;
}

async function healthy(platform: LocalPlatform, cluster: string): Promise<ClusterState> {
  await until(
    `${cluster} is healthy`,
    async () => (await platform.clusters.describe(cluster, signal))?.instances.every((one) => one.healthy) ?? false,
  );
  const state = await platform.clusters.describe(cluster, signal);
  if (!state) throw new Error(`${cluster} is gone`);
  return state;
}

function recordOf(sandbox: Sandbox, cluster: string, instance: string): InstanceRecord {
  return JSON.parse(readFileSync(join(sandbox.dataDir, 'local/clusters', cluster, instance, 'state.json'), 'utf8')) as InstanceRecord;
}

test('production is deployed once, kept alive, updated side by side, and ends without a trace', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const { dataplane } = await sandbox.router();
  const production = new LocalProduction({ dataDir: sandbox.dataDir, dataplane, clock });
  const recipe = sandbox.recipe({ instances: 2 });

  const first = await production.deployProduction(recipe);
  const address = `http://127.0.0.1:${first.route.port}`;
  t.equal(first.route.production.length, 2);
  t.match(await text(address), /hello production-[12]/);
  const again = await production.deployProduction(recipe);
  t.same(
    again.route.production.map((one) => one.address),
    first.route.production.map((one) => one.address),
    'the second deploy finds the first',
  );

  const instance = first.route.production[0]?.address ?? '';
  const pid = await text(`${instance}/pid`);
  await text(`${instance}/die`);
  await until('the dead instance is back on its port', async () => {
    const now = await text(`${instance}/pid`).catch(() => pid);
    return now !== pid;
  });

  const second = await production.deployProduction({ ...recipe, revision: 'r2', env: { ...recipe.env, COLOUR: 'green' } });
  t.equal(second.route.port, first.route.port, 'the route stays where it is');
  t.equal((JSON.parse(await text(`${address}/env`)) as { COLOUR?: string }).COLOUR, 'green');
  t.equal(sandbox.processes().length, 4, 'two instances and their keepers; the old ones are gone');

  await production.undeploy(recipe);
  await production.undeploy(recipe);
  t.same(sandbox.processes(), []);
  t.notOk(existsSync(join(sandbox.dataDir, 'local/clusters/greeter.test.production')));
  t.same((await dataplane.view()).routes, []);
});

test('a service that does not become healthy is said with its last words, without its secrets, and leaves nothing', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const production = new LocalProduction({ dataDir: sandbox.dataDir, dataplane: nobody, clock });
  const recipe = sandbox.recipe({ env: { SECRET: 'canary-5a1f0c', FAIL: 'yes' }, health: { path: '/healthz', withinMs: 2500 } });

  const error = await production.deployProduction(recipe).then(
    () => t.fail('it was deployed'),
    (thrown: unknown) => thrown as Error & { code: string },
  );

  t.match(error, { code: 'not-healthy', message: /greeter.*\/healthz.*exit code 7[\s\S]*cannot start with \[redacted\]/ });
  t.notMatch(String((error as Error).message), 'canary');
  t.same(sandbox.processes(), []);
  t.notOk(existsSync(join(sandbox.dataDir, 'local/clusters/greeter.test.production')));
});

test('an arm is a cluster like production, is launched once, keeps its output, and shows a death instead of hiding it', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const { dataplane } = await sandbox.router();
  process.env.HALDANE_MARKER = 'must not be seen';
  t.teardown(() => delete process.env.HALDANE_MARKER);
  const platform = localPlatform({ dataDir: sandbox.dataDir, dataplane, clock, firstLeaseMs: 60_000 });
  const production = new LocalProduction({ dataDir: sandbox.dataDir, dataplane, clock });
  await production.deployProduction(sandbox.recipe({ intakeOff: { QUEUE: 'off' } }));
  const deployment = sandbox.deployment({ intake: [{ name: 'queue', kind: 'queue', off: { QUEUE: 'off' } }] });
  t.same(await platform.refusals(deployment, signal), []);
  t.match(await platform.refusals({ ...deployment, revision: 'r9', route: 'elsewhere' }, signal), [/r1.*r9/, /no route elsewhere/]);

  const launch = platform.clusters.launch(deployment, 'experiment', { changes: [], dependencies: [] }, 'run1', 2);
  t.match(launch, {
    id: 'cluster:experiment',
    kind: 'local.cluster',
    params: { cluster: 'run1.experiment' },
    does: /2 processes of greeter r1.*queue turned off/,
  });
  t.notMatch(JSON.stringify(launch), /canary|127\.0\.0\.1/, 'no secret and no address is in the change');
  await make(platform, launch);
  const state = await healthy(platform, 'run1.experiment');
  const back = await make(platform, launch);
  t.same(await platform.clusters.describe('run1.experiment', signal), state, 'launching again finds the first');

  const [one, two] = state.instances;
  const env = JSON.parse(await text(`${one?.address}/env`)) as Record<string, string>;
  t.match(env, { SECRET: 'canary-5a1f0c', QUEUE: 'off', NAME: 'run1-experiment-1' });
  t.notOk('HALDANE_MARKER' in env, "nothing of Haldane's own environment reaches an instance");
  t.same(Object.keys(env).sort(), ['HOME', 'LANG', 'NAME', 'PATH', 'PORT', 'QUEUE', 'SECRET', 'TMPDIR']);
  const folder = join(sandbox.dataDir, 'local/clusters/run1.experiment/run1-experiment-1');
  t.match(readFileSync(join(folder, 'output.log'), 'utf8'), /started on \d+/);
  t.ok(existsSync(join(folder, 'work/mine.txt')), 'it runs in a folder of its own');
  t.equal(statSync(folder).mode & 0o077, 0);
  for (const file of ['state.json', 'lease.json', 'output.log'])
    t.notMatch(readFileSync(join(folder, file), 'utf8'), 'canary', `${file} holds no secret`);

  await text(`${one?.address}/die`);
  await until(
    'the death is seen',
    async () => (await platform.clusters.describe('run1.experiment', signal))?.instances[0]?.healthy === false,
  );
  await until('its keeper has written why', async () => recordOf(sandbox, 'run1.experiment', 'run1-experiment-1').down !== null);
  t.match(recordOf(sandbox, 'run1.experiment', 'run1-experiment-1'), { pid: null, down: /exit code 3/, restarts: 0 });

  const pid = await text(`${two?.address}/pid`);
  const restarted = await make(platform, platform.faults.host('run1', 'experiment', { mode: 'restart' }));
  const after = await healthy(platform, 'run1.experiment');
  t.same(
    after.instances.map((each) => each.address),
    state.instances.map((each) => each.address),
    'on the same ports',
  );
  t.same(
    after.instances.map((each) => each.restarts),
    [1, 1],
  );
  t.not(await text(`${two?.address}/pid`), pid);
  t.ok(await restarted());

  t.ok(await back());
  t.ok(await back(), 'twice is no harm');
  t.equal(await platform.clusters.describe('run1.experiment', signal), null);
  await production.undeploy(deployment);
  t.same(sandbox.processes(), []);
});

test('a launch that is given up leaves no instance, however far it had come', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const { dataplane } = await sandbox.router();
  const production = new LocalProduction({ dataDir: sandbox.dataDir, dataplane, clock });
  await production.deployProduction(sandbox.recipe());
  const before = sandbox.processes();
  const platform = localPlatform({ dataDir: sandbox.dataDir, dataplane, clock, firstLeaseMs: 60_000 });
  const launch = platform.clusters.launch(sandbox.deployment(), 'control', { changes: [], dependencies: [] }, 'given-up', 2);
  const kind = kindOf(platform, launch);
  const folder = join(sandbox.dataDir, 'local/clusters/given-up.control');
  for (const [moment, isReached] of [
    ['its keepers were only just spawned', () => sandbox.processes().length > before.length],
    ['a keeper has made its folder', () => existsSync(folder)],
  ] as const) {
    const stop = new AbortController();
    const launching = kind.apply(launch.params, null, stop.signal);
    const end = launching.catch((error: unknown) => error);
    // Looked at as often as can be: nothing may be further than that.
    while (!isReached()) await new Promise((resolve) => setImmediate(resolve));
    const reason = new Error('enough');
    stop.abort(reason);
    // Where this process had to wait for its turn, all of it may have come up before.
    t.ok([reason, undefined].includes((await end) as Error | undefined), moment);
    // On a slow machine one may have been started whole before the other was given up: it says so itself, and the revert finds it.
    const known = foldersIn(folder).flatMap((name) => {
      const { record } = readInstance(name, join(folder, name));
      return [record?.keeperPid, record?.pid];
    });
    t.same(
      sandbox.processes().filter((pid) => !before.includes(pid) && !known.includes(pid)),
      [],
      'no keeper and no instance that nobody knows of is left, nor can one come',
    );
    await kind.revert(launch.params, null, signal);
    t.same(sandbox.processes(), before);
    t.notOk(existsSync(folder));
  }
  await production.undeploy(sandbox.deployment());
  t.same(sandbox.processes(), []);
});

test('when Haldane is killed, arms, slice, fault and key end by themselves with their lease', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const { dataplane, token } = await sandbox.router();
  const keys = createServer((_request, response) => response.end('keys')).listen(0, '127.0.0.1');
  t.teardown(() => keys.close());
  await new Promise((resolve) => keys.once('listening', resolve));
  const dependency = {
    name: 'keys',
    env: 'KEYS_URL',
    url: `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`,
    as: 'http',
    ca: null,
  } as const;
  await new LocalProduction({ dataDir: sandbox.dataDir, dataplane, clock }).deployProduction(
    sandbox.recipe({ dependencies: [dependency] }),
  );
  const productionProcesses = sandbox.processes().length;
  const { url: _url, ...declared } = dependency;
  const deployment = sandbox.deployment({ dependencies: [declared] });
  const platform = localPlatform({ dataDir: sandbox.dataDir, dataplane, clock });

  const program = `
    import { localPlatform } from ${JSON.stringify(import.meta.resolve('@haldane/platforms'))};
    import { DataplaneClient } from ${JSON.stringify(import.meta.resolve('@haldane/dataplane'))};
    import { systemClock as clock } from ${JSON.stringify(import.meta.resolve('@haldane/core'))};
    const [dataDir, url, deployment] = process.argv.slice(2);
    const signal = AbortSignal.timeout(30000);
    const platform = localPlatform({ dataDir, dataplane: new DataplaneClient({ url, token: process.env.TOKEN }), clock });
    const d = JSON.parse(deployment);
    const arms = ['control', 'experiment'];
    const renewing = setInterval(() => platform.renew('lost', Date.now() + 2000, signal).catch(() => undefined), 300);
    const make = async (change) => { const kind = platform.changeKinds.find((one) => one.kind === change.kind); await kind.apply(change.params, await kind.capture(change.params, signal), signal); };
    const wirings = arms.map((arm) => platform.faults.wire(d, arm, 'lost'));
    for (const wiring of wirings) for (const change of wiring.changes) await make(change);
    await Promise.all(arms.map((arm, i) => make(platform.clusters.launch(d, arm, wirings[i], 'lost', 1))));
    for (const arm of arms) while (!(await platform.clusters.describe('lost.' + arm, signal))?.instances.every((one) => one.healthy)) await clock.sleep(50);
    await make(platform.traffic.attach(d, 'lost', []));
    await make(platform.traffic.slice(d, 'lost', { name: 'watch', share: 0.2, exposure: 'all', caps: { failures: 5, latencyLimitMs: 1000, creditRate: 0 } }));
    await make(platform.faults.dependency('lost', 'experiment', 'keys', { mode: 'abort', status: 503 }));
    console.log('ready');`;
  const script = join(sandbox.folder, 'haldane.mjs');
  writeFileSync(script, program);
  const haldane = spawn(process.execPath, [script, sandbox.dataDir, dataplane.url, JSON.stringify(deployment)], {
    env: { TOKEN: token },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => haldane.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    haldane.stdout.once('data', () => resolve());
    haldane.once('exit', () => reject(new Error('it ended before it was ready')));
  });
  t.equal((await platform.leftovers('lost', signal)).length, 7, 'two clusters, the key, the arms, a slice and two proxies are there');
  haldane.removeAllListeners('exit');
  haldane.kill('SIGKILL');

  await until('nothing of the run is left', async () => (await platform.leftovers('lost', signal)).length === 0);

  await until('only production is left', () => sandbox.processes().length === productionProcesses);
  t.same(await sweep({ dataDir: sandbox.dataDir, dataplane, clock, now: clock.now(), end: false }), []);
  const route = await platform.traffic.describe('greeter', signal);
  t.match(await text(route?.address ?? ''), 'hello production-1');
  await new LocalProduction({ dataDir: sandbox.dataDir, dataplane, clock }).undeploy(deployment);
});

test('an instance that hangs at its health check ends when it is told to, and with its lease, while the question is still open', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const { dataplane } = await sandbox.router();
  // `/hang` is answered when the first health check hangs; at its end the service writes down how many still do.
  writeFileSync(
    join(sandbox.folder, 'src', 'hanging.mjs'),
    `
    import { createServer } from 'node:http';
    import { writeFileSync } from 'node:fs';
    let hang = null;
    let open = 0;
    createServer((request, response) => {
      if (request.url === '/hang') return void (hang = () => response.end('it hangs'));
      if (hang === null) return void response.end('ok');
      open += 1;
      response.on('close', () => { open -= 1; });
      hang();
    }).listen(Number(process.env.PORT), '127.0.0.1');
    process.once('SIGTERM', () => {
      writeFileSync(process.argv[2] + process.env.NAME, String(open));
      process.exit();
    });`,
  );
  const marker = join(sandbox.folder, 'open-at-');
  const production = new LocalProduction({ dataDir: sandbox.dataDir, dataplane, clock });
  await production.deployProduction(sandbox.recipe({ command: ['node', 'src/hanging.mjs', marker] }));
  const platform = localPlatform({ dataDir: sandbox.dataDir, dataplane, clock, firstLeaseMs: 60_000 });
  const launch = platform.clusters.launch(sandbox.deployment(), 'control', { changes: [], dependencies: [] }, 'hung', 2);
  const back = await make(platform, launch);
  const { instances } = await healthy(platform, 'hung.control');
  const cluster = join(sandbox.dataDir, 'local/clusters/hung.control');
  const end = async (number: 1 | 2, ask: (name: string, folder: string) => Promise<void>) => {
    const name = `hung-control-${number}`;
    await text(`${instances[number - 1]?.address}/hang`);
    await ask(name, join(cluster, name));
    return readFileSync(marker + name, 'utf8');
  };

  t.equal(await end(1, (name, folder) => endInstance(readInstance(name, folder), clock, signal)), '1', 'told');
  const runsOut = async (_name: string, folder: string) => {
    writeJsonFile(join(folder, 'lease.json'), { until: clock.now() });
    await until('its lease has ended it', () => !existsSync(folder));
  };
  t.equal(await end(2, runsOut), '1', 'its lease is over');

  t.ok(await back());
  await production.undeploy(sandbox.deployment());
  t.same(sandbox.processes(), []);
});

test('a sweep finds what lost its keeper or its lease, and never touches what is not ours or alive', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  const { dataplane } = await sandbox.router();
  const production = new LocalProduction({ dataDir: sandbox.dataDir, dataplane, clock });
  await production.deployProduction(sandbox.recipe());
  const platform = localPlatform({ dataDir: sandbox.dataDir, dataplane, clock, firstLeaseMs: 60_000 });
  const deployment = sandbox.deployment();
  for (const arm of ['control', 'experiment'] as const)
    await make(platform, platform.clusters.launch(deployment, arm, { changes: [], dependencies: [] }, 'run2', 1));
  await healthy(platform, 'run2.control');
  await healthy(platform, 'run2.experiment');
  const look = (end: boolean) => sweep({ dataDir: sandbox.dataDir, dataplane, clock, now: clock.now() + 10_000, end });
  t.same(await look(true), [], 'all that is there is kept and leased');

  const orphan = recordOf(sandbox, 'run2.experiment', 'run2-experiment-1');
  process.kill(orphan.keeperPid, 'SIGKILL');
  await until('its keeper is dead', () => processStart(orphan.keeperPid) === null);
  t.equal(
    (await platform.clusters.describe('run2.experiment', signal))?.instances[0]?.healthy,
    false,
    'nobody enforces its lease, so it does not count as healthy',
  );
  t.match(await look(false), [
    {
      what: /instance run2-experiment-1 of run2.experiment: its keeper is gone, its process runs on/,
      runId: 'run2',
      action: 'would be ended',
    },
    { what: /cluster run2.experiment/, runId: 'run2', action: 'would be ended' },
  ]);
  t.not(processStart(orphan.pid ?? 0), null, 'listing ends nothing');
  t.match(await look(true), [{ action: 'ended' }, { action: 'ended' }]);
  t.equal(processStart(orphan.pid ?? 0), null);

  // A record whose process id is somebody else's by now: same number, other start.
  const stranger = spawn('sleep', ['60']);
  t.teardown(() => stranger.kill('SIGKILL'));
  const folder = join(sandbox.dataDir, 'local/clusters/run3.control/run3-control-1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'state.json'), JSON.stringify({ ...orphan, runId: 'run3', pid: stranger.pid, pidStart: 'another:1' }));
  mkdirSync(join(sandbox.dataDir, 'local/runs/run3'), { recursive: true });
  writeFileSync(join(sandbox.dataDir, 'local/runs/run3/secret'), 'ab');
  t.match(
    (await look(true)).map((row) => row.what),
    [/its keeper and its process are gone/, /cluster run3.control/, /the key of run run3/],
  );
  t.notOk(existsSync(dirname(folder)));
  t.notOk(existsSync(join(sandbox.dataDir, 'local/runs/run3')));
  t.not(processStart(stranger.pid ?? 0), null, "a stranger's process is left alone");

  const serving = recordOf(sandbox, 'greeter.test.production', 'production-1');
  process.kill(serving.keeperPid, 'SIGKILL');
  await until('its keeper is dead', () => processStart(serving.keeperPid) === null);
  t.match(await look(true), [{ what: /production-1/, action: /left, because it serves production/ }]);
  await production.deployProduction(sandbox.recipe());
  t.equal(processStart(serving.pid ?? 0), null, 'the next deploy took its place');
  t.same(await look(true), []);

  t.ok(await (await make(platform, platform.clusters.launch(deployment, 'control', { changes: [], dependencies: [] }, 'run2', 1)))());
  await production.undeploy(deployment);
  t.same(sandbox.processes(), []);
});

test('both arms reach each dependency through their own proxies, and a fault is felt by one of them only', async (t) => {
  const sandbox = makeSandbox();
  t.teardown(() => sandbox.end());
  // The real dependency: https with an authority of its own that the service trusts by its `ca` variable.
  const real = await makeProxyCertificate('the-real-one', clock.now());
  const realAuthority = join(sandbox.folder, 'real-authority.pem');
  writeFileSync(realAuthority, real.cert.slice(real.cert.indexOf('-----BEGIN', 10)));
  const keys = createTlsServer(real, (request, response) => response.end(`keys of ${request.url} from ${request.headers.host}`)).listen(
    0,
    '127.0.0.1',
  );
  t.teardown(() => keys.close());
  await new Promise((resolve) => keys.once('listening', resolve));
  const realHost = `localhost:${(keys.address() as AddressInfo).port}`;
  const database = createTcpServer((socket) => socket.on('error', () => undefined).write('welcome')).listen(0, '127.0.0.1');
  t.teardown(() => database.close());
  await new Promise((resolve) => database.once('listening', resolve));

  const { dataplane } = await sandbox.router();
  const dependencies = [
    { name: 'identity-keys', env: 'KEYS_URL', url: `https://${realHost}/realm/jwks?v=1`, as: 'https', ca: 'TRUST' },
    {
      name: 'database',
      env: 'DATABASE_URL',
      url: `postgres://me:hunter22@127.0.0.1:${(database.address() as AddressInfo).port}/app?ssl=no`,
      as: 'tcp',
      ca: null,
    },
    { name: 'sealed', env: 'SEALED_URL', url: 'https://api.example.org/v1', as: 'https', ca: null },
  ] as const;
  const production = new LocalProduction({ dataDir: sandbox.dataDir, dataplane, clock });
  const { route } = await production.deployProduction(sandbox.recipe({ dependencies, env: { TRUST: realAuthority } }));
  const platform = localPlatform({ dataDir: sandbox.dataDir, dataplane, clock, firstLeaseMs: 60_000 });
  const deployment = sandbox.deployment({ dependencies: dependencies.map(({ url: _url, ...declared }) => declared) });

  const backs: (() => Promise<boolean>)[] = [];
  const make1 = async (change: Change) => backs.unshift(await make(platform, change));
  for (const arm of ['control', 'experiment'] as const) {
    const wiring = platform.faults.wire(deployment, arm, 'run4');
    t.notMatch(JSON.stringify(wiring), /hunter22|localhost|127\.0/, 'a change names the dependency, not its address');
    for (const change of wiring.changes) {
      await make(platform, change);
      await make1(change);
    }
    const launch = platform.clusters.launch(deployment, arm, wiring, 'run4', 1);
    t.same(launch.standsOn, [`proxy:${arm}:identity-keys`, `proxy:${arm}:database`, `proxy:${arm}:sealed`]);
    await make1(launch);
  }
  const attach = platform.traffic.attach(deployment, 'run4', ['cluster:control', 'cluster:experiment']);
  const [control, experiment] = [await healthy(platform, 'run4.control'), await healthy(platform, 'run4.experiment')].map(
    (one) => one.instances[0]?.address ?? '',
  );
  await make1(attach);
  const secret = join(sandbox.dataDir, 'local/runs/run4/secret');
  t.match(readFileSync(secret, 'utf8'), /^[0-9a-f]{64}$/);
  t.equal(statSync(secret).mode & 0o777, 0o600);

  const env = JSON.parse(await text(`${experiment}/env`)) as Record<string, string>;
  t.match(env.KEYS_URL, /^https:\/\/127\.0\.0\.1:\d+\/realm\/jwks\?v=1$/);
  t.match(env.DATABASE_URL, /^postgres:\/\/me:hunter22@127\.0\.0\.1:\d+\/app\?ssl=no$/);
  t.not(env.DATABASE_URL, dependencies[1].url);
  t.equal(env.SEALED_URL, dependencies[2].url, 'https that cannot be proxied without breaking it is left as it is');
  t.equal(
    (readFileSync(env.TRUST ?? '', 'utf8').match(/BEGIN CERTIFICATE/g) ?? []).length,
    2,
    "the proxy's authority and what was trusted before",
  );
  for (const arm of [control, experiment]) t.equal(await text(`${arm}/call`), `200 keys of /realm/jwks?v=1 from ${realHost}`);
  const reach = await platform.traffic.reach(deployment, 'run4', 'experiment', signal);
  t.equal(reach.url, `http://127.0.0.1:${route.port}`);
  t.equal(await text(reach.url, reach.headers), 'hello run4-experiment-1', 'a signed request enters the arm');
  t.match(await text(reach.url), 'hello production-1');

  const probe = (arm: 'control' | 'experiment', name = 'identity-keys') => platform.faults.probe('run4', arm, name, signal);
  t.match(await probe('experiment'), { faulted: false, seen: /^200, \d+ bytes$/ });
  const fault = platform.faults.dependency('run4', 'experiment', 'identity-keys', { mode: 'abort', status: 503 });
  t.match(fault, {
    id: 'fault:experiment:identity-keys',
    standsOn: ['proxy:experiment:identity-keys'],
    does: "answers 503 to experiment's calls to identity-keys, and nobody else's",
  });
  const heal = await make(platform, fault);
  t.match(await text(`${experiment}/call`), /^503/);
  t.match(await text(`${control}/call`), /^200/);
  t.match(
    [await probe('experiment'), await probe('control')],
    [
      { faulted: true, seen: /^503/ },
      { faulted: false, seen: /^200/ },
    ],
  );
  t.match(
    (await dataplane.view()).proxies.find((one) => one.proxy === 'run4.experiment.identity-keys'),
    { met: 1 },
    'probes are not contact',
  );
  t.ok(await heal());
  t.match(await text(`${experiment}/call`), /^200/);

  // Somebody else's fault on the same proxy is not overwritten on the way back.
  const healAgain = await make(platform, fault);
  await dataplane.setFault('run4.experiment.identity-keys', { mode: 'delay', delayMs: 1 });
  t.ok(await healAgain());
  t.equal((await dataplane.view()).proxies.find((one) => one.proxy === 'run4.experiment.identity-keys')?.fault?.mode, 'delay');
  await dataplane.clearFault('run4.experiment.identity-keys');

  t.match(await probe('experiment', 'database'), { faulted: false, seen: /connected/ });
  const cut = await make(platform, platform.faults.dependency('run4', 'experiment', 'database', { mode: 'refuse' }));
  t.match(await probe('experiment', 'database'), { faulted: true, seen: /connection/ });
  t.match(await probe('control', 'database'), { faulted: false });
  t.ok(await cut());
  for (const name of ['database', 'sealed']) {
    const impossible = platform.faults.dependency('run4', 'experiment', name, { mode: 'answer', body: '{}' });
    t.match(await platform.refusals(deployment, signal, [attach, impossible]), [/needs to answer HTTP.*declare ca/]);
    await t.rejects(make(platform, impossible), { code: 'refused' });
  }
  t.match(
    await platform.refusals(deployment, signal, [attach, platform.faults.dependency('run4', 'experiment', 'sealed', { mode: 'refuse' })]),
    [/its certificate would not fit its name/],
  );

  const slice = platform.traffic.slice(deployment, 'run4', {
    name: 'watch',
    share: 0.1,
    exposure: 'reads',
    caps: { failures: 3, latencyLimitMs: 1000, creditRate: 0 },
  });
  await make1(slice);
  t.match(await platform.traffic.describe('greeter', signal), {
    slices: [{ runId: 'run4', share: 0.1 }],
    production: { healthy: 1, instances: 1 },
  });
  await platform.renew('run4', clock.now() + 90_000, signal);
  t.equal((await platform.leftovers('run4', signal)).length, 2 + 1 + 1 + 1 + 6);

  for (const back of backs) t.ok(await back());
  t.same(await platform.leftovers('run4', signal), []);
  for (const back of backs) t.ok(await back(), 'twice is no harm');
  for (const change of [attach, slice, fault]) {
    const kind = kindOf(platform, change);
    await kind.revert(change.params, null, signal);
    t.ok(await kind.isReverted(change.params, null, signal), `${change.kind} that never happened is put back`);
  }
  t.notOk(existsSync(secret), "the run's key is destroyed");
  await production.undeploy(deployment);
  t.same(sandbox.processes(), []);
});

test('the authority of a proxy signs for this machine only, and its key is nowhere', async (t) => {
  const { cert, key, wrongName, expired } = await makeProxyCertificate('run.experiment.keys', clock.now());
  const [leaf, authority] = cert.split(/(?<=-----END CERTIFICATE-----\n)/);
  const [served, signer] = [new X509Certificate(leaf ?? ''), new X509Certificate(authority ?? '')];
  t.ok(served.verify(signer.publicKey));
  t.ok(served.checkIssued(signer));
  const [other, over] = [new X509Certificate(wrongName.cert), new X509Certificate(expired.cert)];
  t.ok(other.verify(signer.publicKey) && over.verify(signer.publicKey), 'the two that no caller may accept have the same authority');
  t.same([other.checkHost('localhost'), over.checkHost('localhost')], [undefined, 'localhost']);
  t.ok(Date.parse(over.validTo) < clock.now() && Date.parse(other.validTo) > clock.now());
  t.notOk(served.ca);
  t.ok(signer.ca);
  t.equal(served.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  t.ok(served.checkPrivateKey(createPrivateKey(key)));
  t.notOk(signer.checkPrivateKey(createPrivateKey(key)));
});

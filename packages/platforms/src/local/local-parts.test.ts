import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchRecipe } from '@haldane/core';
import { test } from 'tap';
import { originOf, pathOf, rewireUrl } from '../rewire-url.ts';
import { httpFaultObjection } from './http-fault-objection.ts';
import { armEnvironment } from './instance-environment.ts';
import { Lease } from './keeper/lease.ts';
import { OutputLog } from './keeper/output-log.ts';
import { endGroup, isGroupAlive, signalGroup } from './keeper/process-group.ts';
import { processStart } from './keeper/process-start.ts';
import { layoutOf } from './layout.ts';
import { redact } from './redact.ts';
import { RunLeases } from './renew-run.ts';
import { resolveCommand } from './resolve-command.ts';
import { until } from './testing/sandbox.ts';
import { trustedAuthorities } from './trusted-authorities.ts';

test('an address is pointed at a proxy and keeps everything but host and port', (t) => {
  const cases: [string, string][] = [
    ['http://idp:8080/realm/keys?x=1', 'http://127.0.0.1:9/realm/keys?x=1'],
    ['https://idp.example.org', 'https://127.0.0.1:9'],
    ['https://idp.example.org?x', 'https://127.0.0.1:9?x'],
    ['postgres://me:p%40ss@db.example.org:5432/app?sslmode=disable', 'postgres://me:p%40ss@127.0.0.1:9/app?sslmode=disable'],
    ['postgres://me:p@ss@db/app', 'postgres://me:p@ss@127.0.0.1:9/app'],
    ['mongodb://a:1,b:2/app', 'mongodb://127.0.0.1:9/app'],
    ['redis://[::1]:6379/0', 'redis://127.0.0.1:9/0'],
  ];
  for (const [url, expected] of cases) t.equal(rewireUrl(url, '127.0.0.1', 9), expected);
  t.throws(() => rewireUrl('idp:8080 with hunter22', '127.0.0.1', 9), {
    code: 'bad-document',
    message: /^(?!.*hunter22).*scheme:\/\/host/,
  });
  t.end();
});

test('a proxy goes to the origin of the address, without path and credentials', (t) => {
  t.equal(originOf('https://me:secret@idp.example.org:8443/realm/keys', 'https'), 'https://idp.example.org:8443');
  t.equal(originOf('postgres://me:secret@db/app', 'tcp'), 'tcp://db:5432');
  t.equal(originOf('mongodb://a:1,b:2/app', 'tcp'), 'tcp://a:1');
  t.throws(() => originOf('amqpx://me:secret@queue/app', 'tcp'), { message: /amqpx:\/\/queue:PORT/ });
  t.equal(pathOf('http://idp:1/realm/keys?x=1#there'), '/realm/keys?x=1');
  t.equal(pathOf('http://idp:1?x=1'), '/?x=1');
  t.equal(pathOf('http://idp'), '/');
  t.end();
});

test('a command runs from another folder: what names a file is made absolute, and nothing else', (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'haldane-command-'));
  t.teardown(() => rmSync(cwd, { recursive: true }));
  mkdirSync(join(cwd, 'bin'));
  mkdirSync(join(cwd, 'build'));
  for (const file of ['server.js', 'bin/run', 'conf.yaml']) writeFileSync(join(cwd, file), '');
  t.same(resolveCommand(['node', '--enable-source-maps', 'server.js', 'build', 'missing.js'], cwd), [
    'node',
    '--enable-source-maps',
    join(cwd, 'server.js'),
    'build',
    'missing.js',
  ]);
  t.same(resolveCommand(['bin/run', '--config=./conf.yaml', '--env=build', 'http://x/y', '/etc/hosts'], cwd), [
    join(cwd, 'bin/run'),
    `--config=${join(cwd, 'conf.yaml')}`,
    '--env=build',
    'http://x/y',
    '/etc/hosts',
  ]);
  t.end();
});

test('a lease ends by whichever clock says so first, and reading it again renews nothing', (t) => {
  let wall = 1000;
  let monotonic = 50;
  const lease = new Lease(
    3000,
    () => wall,
    () => monotonic,
  );
  t.notOk(lease.hasEnded());
  wall = 0; // somebody set the clock back
  monotonic = 2049;
  lease.take({ until: 3000 });
  t.notOk(lease.hasEnded());
  monotonic = 2050;
  t.ok(lease.hasEnded(), 'two seconds have passed, whatever the wall clock says');
  lease.take({ until: 1500 });
  t.notOk(lease.hasEnded(), 'renewed');
  wall = 1500;
  t.ok(lease.hasEnded());
  lease.take({ until: null });
  t.notOk(lease.hasEnded(), 'null: until told');
  t.end();
});

test('only a run that was never renewed gets a first lease: one whose lease is over gets no more', (t) => {
  let now = 1000;
  const leases = new RunLeases({ now: () => now, sleep: () => Promise.resolve() }, 500);
  t.equal(leases.for('new'), 1500);
  leases.renewed('run', 2000);
  t.equal(leases.for('run'), 2000);
  now = 2600;
  t.equal(leases.for('run'), 2000, 'it was over 600 ms ago');
  t.equal(leases.for('run'), 2000, 'and stays so');
  leases.renewed('run', 3000);
  t.equal(leases.for('run'), 3000);
  t.equal(leases.for('new'), 3100);
  t.end();
});

test('of the file that a service trusts, its certificates are taken and nothing else', (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'haldane-trust-'));
  t.teardown(() => rmSync(cwd, { recursive: true }));
  const pem = (what: string, body: string) => `-----BEGIN ${what}-----\n${body}\n-----END ${what}-----\n`;
  writeFileSync(
    join(cwd, 'ca.pem'),
    `# ours\n${pem('CERTIFICATE', 'one')}${pem('PRIVATE KEY', 'hunter22')}# theirs\n${pem('CERTIFICATE', 'two')}`,
  );
  writeFileSync(join(cwd, 'none.pem'), pem('PRIVATE KEY', 'hunter22'));
  const recipe = { cwd, env: { CA: 'ca.pem', NONE: 'none.pem', GONE: 'gone.pem', EMPTY: '' } } as unknown as LaunchRecipe;
  t.equal(trustedAuthorities(recipe, { ca: 'CA' }), `${pem('CERTIFICATE', 'one')}${pem('CERTIFICATE', 'two')}`.trimEnd());
  for (const ca of ['NONE', 'GONE', 'EMPTY', 'UNSET', null]) t.equal(trustedAuthorities(recipe, { ca }), null);
  t.end();
});

test('output is kept, the newest of it, in bounded space', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'haldane-output-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [path, older] = [join(folder, 'output.log'), join(folder, 'output.1.log')];
  const log = new OutputLog(path, older, 1000);
  for (let line = 1; line <= 500; line++) log.append(`line ${line}\n`);
  t.ok(statSync(path).size + statSync(older).size <= 2100);
  t.match(readFileSync(older, 'utf8') + readFileSync(path, 'utf8'), /line 499\nline 500\n$/);
  rmSync(folder, { recursive: true });
  log.append('there is no folder any more');
  mkdirSync(folder);
  t.end();
});

test('a process group is ended with all that it started, and a group that only has the same number is not ours', async (t) => {
  const leader = spawn('sh', ['-c', 'trap "" TERM; sleep 60 & echo started; sleep 60'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => leader.kill('SIGKILL'));
  await new Promise((resolve) => leader.stdout.once('data', resolve));
  const pid = leader.pid ?? 0;
  const group = { pid, pidStart: processStart(pid) };
  t.ok(isGroupAlive(group));
  t.notOk(isGroupAlive({ pid, pidStart: 'another:1' }));
  signalGroup({ pid, pidStart: 'another:1' }, 'SIGKILL');
  t.ok(isGroupAlive(group), 'it was not touched');
  // The leader dies, what it started lives on: still the group.
  process.kill(pid, 'SIGKILL');
  await until('the leader is gone', () => processStart(pid) === null);
  t.ok(isGroupAlive(group));
  t.ok(await endGroup(group, 200, (ms) => new Promise((resolve) => setTimeout(resolve, ms))));
  t.notOk(isGroupAlive(group));
});

test('secrets are taken out of what a service printed, longest first', (t) => {
  t.equal(
    redact('token abcdefgh-long and abcdefgh, port 80', ['abcdefgh', 'abcdefgh-long', '80']),
    'token [redacted] and [redacted], port 80',
  );
  t.end();
});

test('a name that leads out of its folder is refused', (t) => {
  const layout = layoutOf('/data');
  for (const name of ['..', '../x', 'a/b', '', '.hidden']) t.throws(() => layout.cluster(name), { code: 'bad-request' });
  t.equal(layout.instance('run.control', 'control-1'), '/data/local/clusters/run.control/control-1');
  t.end();
});

test('an arm differs from production in its proxies, its name and the declared intake, in nothing else', (t) => {
  const dependency = (name: string, url: string, as: 'http' | 'https' | 'tcp', ca: string | null = null) => ({
    name,
    env: `${name.toUpperCase()}_URL`,
    url,
    as,
    ca,
  });
  const recipe: LaunchRecipe = {
    service: 's',
    environment: 'e',
    revision: 'r',
    command: ['node'],
    cwd: '/',
    env: { COLOUR: 'green', WORKER: 'on' },
    portEnv: 'PORT',
    instanceEnv: null,
    health: { path: '/', withinMs: 1 },
    instances: 1,
    route: { name: 's', port: 0 },
    dependencies: [
      dependency('a', 'http://a:1/x', 'http'),
      dependency('b', 'https://b/x', 'https', 'TRUST'),
      dependency('c', 'https://c/x', 'https', 'TRUST'),
      dependency('d', 'https://localhost:4/x', 'https'),
    ],
    intakeOff: { WORKER: 'off' },
  };
  const points = ['a', 'b', 'c', 'd'].map((name, index) => ({
    dependency: name,
    port: 10 + index,
    authority: name === 'b' || name === 'c' ? `authority of ${name}` : null,
  }));
  t.same(armEnvironment(recipe, { PATH: '/bin' }, points, { name: 'control-1', folder: '/i' }), {
    env: {
      PATH: '/bin',
      COLOUR: 'green',
      WORKER: 'off',
      A_URL: 'http://127.0.0.1:10/x',
      B_URL: 'https://127.0.0.1:11/x',
      C_URL: 'https://127.0.0.1:12/x',
      // Not ours to decrypt: the name stays, because the certificate is checked against it.
      D_URL: 'https://localhost:13/x',
      TRUST: '/i/trust-trust.pem',
    },
    files: { 'trust-trust.pem': 'authority of b\nauthority of c' },
  });
  t.equal(httpFaultObjection('d', 'tcp', { mode: 'delay', delayMs: 5 }), null);
  t.match(httpFaultObjection('d', 'tcp', { mode: 'abort' }), /declare ca/);
  t.end();
});

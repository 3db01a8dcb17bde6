import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DataplaneClient } from '@haldane/dataplane';
import { test } from 'tap';
import { ask, until, upstream } from '../test/stand.ts';
import { readConfig } from './config.ts';
import { processStart } from './process-start.ts';

const built = new URL('../dist/index.js', import.meta.url);
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const token = 'a-token-for-tests-only';
type Teardown = { teardown(fn: () => unknown): void };
type Told = { pid: number; startTime: string; adminPort: number; adminUrl: string; adopted: boolean };

/** A process that starts (or adopts) the router of a folder and says which, then does nothing. */
async function parent(t: Teardown, stateDir: string, lingerMs: number) {
  const script = `import { spawnRouter } from ${JSON.stringify(built.href)};
    const router = await spawnRouter({ stateDir: ${JSON.stringify(stateDir)}, token: ${JSON.stringify(token)}, lingerMs: ${lingerMs}, withinMs: 60000 });
    console.log(JSON.stringify(router));
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, told: JSON.parse(String(line)) as Told };
}

function folder(t: Teardown): string {
  const dir = mkdtempSync(join(tmpdir(), 'haldane-router-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('a router goes on serving production when its parent is killed, is found again, and starts anew with its routes only', async (t) => {
  const dir = folder(t);
  const production = await upstream(t, (_request, response) => response.end('production'));
  const { child, told } = await parent(t, dir, 60_000);
  t.teardown(() => {
    if (processStart(told.pid) === told.startTime) process.kill(told.pid, 'SIGKILL');
  });
  t.equal(statSync(join(dir, 'router.json')).mode & 0o777, 0o600);
  t.notMatch(readFileSync(join(dir, 'router.json'), 'utf8'), token);
  const client = new DataplaneClient({ url: told.adminUrl, token });
  const { port } = await client.putRoute({ route: 'pay', port: 0, production: [production.url] });
  await client.attach({
    runId: 'r1',
    route: 'pay',
    arms: { control: [production.url], experiment: [production.url] },
    secret: 'ab'.repeat(32),
    until: Date.now() + 60_000,
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.match(await ask(port), { body: 'production' });

  const second = await parent(t, dir, 60_000);
  t.match(second.told, { adopted: true, pid: told.pid }, 'the next one finds it');
  const refused = spawn(process.execPath, [main, '--state-dir', dir, '--token-stdin'], { stdio: ['pipe', 'ignore', 'pipe'] });
  refused.stdin.end(token);
  let said = '';
  refused.stderr.on('data', (piece) => {
    said += piece;
  });
  const [code] = await once(refused, 'close');
  t.equal(code, 1);
  t.match(said, /serves .* already/);

  process.kill(told.pid, 'SIGKILL');
  await until(() => processStart(told.pid) !== told.startTime, 'it is dead');
  t.equal(await ask(port), 'broken');
  const third = await parent(t, dir, 60_000);
  t.teardown(() => {
    if (processStart(third.told.pid) === third.told.startTime) process.kill(third.told.pid, 'SIGKILL');
  });
  t.equal(third.told.adopted, false, 'a dead router is nobody');
  t.match(await ask(port), { body: 'production' }, 'the same route on the same port');
  const again = new DataplaneClient({ url: third.told.adminUrl, token });
  t.match(await again.view(), { routes: [{ route: 'pay', port, attached: [], slices: [] }], proxies: [] });
  await again.drain();
  await until(() => processStart(third.told.pid) !== third.told.startTime, 'drained, it ends');
  t.throws(() => statSync(join(dir, 'router.json')), 'and says so');
});

test('a router that may linger ends by itself when nobody calls it', async (t) => {
  const { told } = await parent(t, folder(t), 300);
  t.teardown(() => {
    if (processStart(told.pid) === told.startTime) process.kill(told.pid, 'SIGKILL');
  });
  await until(() => processStart(told.pid) !== told.startTime, 'it ended');
  t.pass('nothing is left');
});

test('what is left of a dead process that nobody waited for is not taken for one that lives', async (t) => {
  // The shell becomes a program that never asks after the child it was left with; it may ask itself after one that dies before that.
  const child = spawn('/bin/sh', ['-c', 'sleep 0.5 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const pid = Number(line);
  await until(() => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')), 'it is dead and still listed');
  t.equal(processStart(pid), null);
});

test('a bad start is refused with what to do about it, and the token is taken only from where others cannot read it', async (t) => {
  const dir = folder(t);
  const file = join(dir, 'token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  t.match(readConfig(['--state-dir', dir, '--token-file', file, '--linger-ms', '5'], {}), {
    token,
    lingerMs: 5,
    adminPort: 0,
    host: '127.0.0.1',
  });
  t.match(readConfig(['--token-file', file], { HALDANE_ROUTER_STATE_DIR: dir, HALDANE_ROUTER_ADMIN_PORT: '7' }), {
    stateDir: dir,
    adminPort: 7,
  });
  const code = { code: 'bad-document' };
  t.throws(() => readConfig(['--token-file', file], {}), { ...code, message: /--state-dir is missing/ });
  t.throws(() => readConfig(['--state-dir', dir], { HALDANE_ROUTER_TOKEN: token }), { ...code, message: /token is missing/ });
  t.throws(() => readConfig(['--state-dir', dir, '--token-file', file, '--linger-ms', 'long'], {}), {
    ...code,
    message: /--linger-ms is long/,
  });
  t.throws(() => readConfig(['--nothing'], {}), { ...code, message: /--nothing/ });
  chmodSync(file, 0o644);
  t.throws(() => readConfig(['--state-dir', dir, '--token-file', file], {}), { ...code, message: /chmod 600/ });
});

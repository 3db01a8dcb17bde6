import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Alert, OutsideCheck, Reading } from '@haldane/core';
import { egress } from '@haldane/egress';
import { test } from 'tap';
import { outside } from './index.ts';

const run = { service: 'payments', environment: 'production' };
const now = Date.parse('2026-11-25T09:30:00Z');
const env = { PATH: process.env['PATH'] ?? '', TOKEN: 'canary-token', OTHER: 'canary-other' };

function asking(reading: Reading<Alert> = { state: 'no-data' }) {
  const asked: { from: number; to: number }[] = [];
  const inbox = {
    alerts: async (_id: string, window: { from: number; to: number }) => {
      asked.push(window);
      return reading;
    },
  };
  const checks = outside({ env, egress: egress([], { resolve: async () => [{ address: '127.0.0.1', family: 4 }] }), inbox });
  const ask = (check: Omit<OutsideCheck, 'name'>, signal = AbortSignal.timeout(20_000)) =>
    checks.ask({ name: 'the check', ...check }, run, now, signal);
  return { ask, asked };
}

test('an address is asked with its header, for this run, and what it says where must be so', async (t) => {
  const seen: string[] = [];
  const server = createServer(({ url = '', headers }, response) => {
    seen.push(`${url} ${headers.authorization}`);
    const [, what = ''] = url.split('/');
    if (what === 'away') response.writeHead(302, { location: '/open' }).end();
    else if (what === 'sick') response.writeHead(503).end('canary of theirs');
    else if (what === 'page') response.end('<html>');
    else if (what === 'endless') response.end('x'.repeat(2_000_000));
    else response.end(JSON.stringify({ incidents: what === 'open' ? [{ id: 7 }] : [], 'a/b': { state: 'calm' } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const at = `http://127.0.0.1:${port}`;
  const { ask } = asking();
  const none = { at: '/incidents', is: [] };

  t.equal(
    await ask({ http: { url: `${at}/none/{service}/{environment}`, header: { name: 'authorization', valueEnv: 'TOKEN' }, ...none } }),
    null,
  );
  t.same(seen, ['/none/payments/production canary-token']);
  t.equal(await ask({ http: { url: `${at}/open`, ...none } }), `${at} says /incidents is [{"id":7}], and not []`);
  t.equal(await ask({ http: { url: `${at}/none`, at: '/a~1b/state', is: 'calm' } }), null);
  t.match(await ask({ http: { url: `${at}/none`, at: '/a/state', is: 'calm' } }), /is not there, and not "calm"/);
  t.equal(await ask({ http: { url: `${at}/page` } }), null, 'without a place an answer is enough');
  t.equal(await ask({ http: { url: `${at}/sick` } }), `${at} answered 503`);
  const noAnswer = (path: string, message: RegExp) => t.rejects(ask({ http: { url: path, ...none } }), { code: 'unavailable', message });
  await noAnswer(`${at}/away`, /a redirect, which is not followed/);
  await noAnswer(`${at}/page`, /no JSON/);
  await noAnswer(`${at}/endless`, /the answer is too long/);
  await noAnswer('http://127.0.0.1:1/', /no answer: ECONNREFUSED/);
  // What the operator wrote may be in his own network; a host that a service's name is part of is not his word alone.
  t.equal(await ask({ http: { url: `http://status.internal:${port}/none`, ...none } }), null);
  const before = seen.length;
  await noAnswer(`http://{service}:${port}/none`, /nothing is sent there/);
  await noAnswer(`https://{service}.internal:${port}/none`, /not of the public internet/);
  t.equal(seen.length, before);
  await t.rejects(ask({ http: { url: at, header: { name: 'authorization', valueEnv: 'NOT_SET' } } }), {
    code: 'unavailable',
    message: /NOT_SET/,
  });
});

test('a program answers with how it ends, knows the run and no secret that it was not given, and ends with its children', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'outside-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { ask } = asking();
  const program = join(folder, 'check.sh');
  const says = async (script: string, wanted: readonly string[] = [], signal?: AbortSignal) => {
    await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
    return ask({ command: { run: ['/bin/sh', program, '{service} {x}'], env: wanted } }, signal);
  };
  t.equal(await says('exit 0'), null);
  t.equal(await says('echo "INC-7 is open"; echo more; exit 1'), 'INC-7 is open');
  t.equal(await says('exit 3'), '/bin/sh ended with 3');
  t.equal(
    await says('echo "$1/$HALDANE_SERVICE/$HALDANE_ENVIRONMENT/$TOKEN/$OTHER"; exit 1', ['TOKEN']),
    'payments {x}/payments/production/canary-token/',
  );
  await t.rejects(says('kill -9 $$'), { code: 'unavailable', message: /ended by a signal/ });
  await t.rejects(ask({ command: { run: [join(folder, 'nothing')], env: [] } }), { code: 'unavailable', message: /cannot be run/ });

  const stop = new AbortController();
  const pids = join(folder, 'pids');
  const hanging = says(`sleep 600 & echo "$$ $!" > ${pids}; wait`, [], stop.signal);
  const written = async () => (await readFile(pids, 'utf8').catch(() => '')).trim().split(' ').map(Number);
  let found = await written();
  for (let tries = 0; found.length < 2 && tries < 600; tries += 1, found = await written()) await sleep(50);
  t.equal(found.length, 2, 'it runs, and so does its child');
  stop.abort(new Error('the run is aborted'));
  await t.rejects(hanging, /the run is aborted/);
  for (let tries = 0; found.some(isAlive) && tries < 600; tries += 1) await sleep(50);
  t.same(found.filter(isAlive), []);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('an alert of these rules at this receiver says no while it is young', async (t) => {
  const alert = { id: '1', receiver: 'oncall', rule: 'SiteDown', severity: 'page', receivedAt: now - 60_000, fields: {} };
  const alerts = { receiver: 'oncall', rules: ['SiteDown'], within: 900 };
  const heard = asking({ state: 'ok', points: [alert] });
  t.equal(await heard.ask({ alerts }), 'alert SiteDown reached oncall at 2026-11-25T09:29:00.000Z');
  t.equal(heard.asked[0]?.from, now - 900_000);
  t.equal(await heard.ask({ alerts: { ...alerts, rules: ['Other'] } }), null);
  t.equal(await heard.ask({ alerts: { ...alerts, receiver: 'elsewhere' } }), null);
  t.equal(await asking().ask({ alerts }), null);
  await t.rejects(asking({ state: 'unavailable', why: 'the database is away' }).ask({ alerts }), { message: 'the database is away' });
});

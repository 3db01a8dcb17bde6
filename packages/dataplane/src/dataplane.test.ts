import { createServer } from 'node:http';
import { hasCode } from '@haldane/core';
import { test } from 'tap';
import { assign, drawKey, roleOf } from './assign.ts';
import { conform } from './conform.ts';
import { DataplaneClient } from './dataplane-client.ts';
import { schemas } from './schemas.ts';
import { signSynthetic, verifySynthetic } from './synthetic.ts';

const secret = '5a'.repeat(32);
const keys = (n: number) => Array.from({ length: n }, (_, i) => `key-${i}`);

test('only the secret that signed a synthetic mark verifies it, and nothing in it can be changed', async (t) => {
  const mark = { runId: 'run-1', arm: 'experiment', stream: 'hostile' } as const;
  const header = signSynthetic(secret, mark);
  t.same(verifySynthetic(secret, header), mark);
  t.equal(verifySynthetic('5b'.repeat(32), header), null);
  for (const forged of [
    header.replace('experiment', 'control'),
    header.replace('hostile', 'check'),
    header.replace('run-1', 'run-2'),
    header.replace('v1', 'v2'),
    `${header}.x`,
    header.slice(0, -1),
    header.slice(0, -2),
    'v1.run-1.experiment.hostile.',
    '',
    'x'.repeat(400),
    undefined,
    [header, header],
  ])
    t.equal(verifySynthetic(secret, forged), null, String(forged).slice(0, 60));
});

test('keys are spread evenly over the arms', async (t) => {
  const bins = new Array<number>(20).fill(0);
  const n = 40_000;
  for (const key of keys(n)) {
    const bin = Math.floor(drawKey(secret, key).u * 20);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const chiSquare = bins.reduce((sum, seen) => sum + (seen - n / 20) ** 2 / (n / 20), 0);
  // 19 degrees of freedom: above 66 with odds under 1e-6 for a uniform draw; the secret is fixed, so this cannot flicker.
  t.ok(chiSquare < 66, `chi-square ${chiSquare.toFixed(1)}`);
  t.equal(new Set(keys(n).map((key) => drawKey(secret, key).hash)).size, n, '64-bit names do not meet');
});

test('a growing share takes users from production only', async (t) => {
  for (const key of keys(2000)) {
    const roles = [0, 0.01, 0.1, 0.2, 0.5].map((share) => assign(secret, key, share));
    const first = roles.findIndex((role) => role !== 'production');
    if (first >= 0 && roles.slice(first).some((role) => role !== roles[first])) t.fail(`${key} moved: ${roles.join(', ')}`);
  }
  t.equal(roleOf(0, 0), 'production', 'no share, no experiment');
  t.equal(roleOf(1 - 2 ** -53, 0), 'production', 'no share, no control');
});

test('a larger control arm takes its users from production, and from the same end', async (t) => {
  const roles = keys(4000).map((key) => [assign(secret, key, 0.1), assign(secret, key, 0.1, 4)] as const);
  for (const [equal, larger] of roles)
    if (equal !== larger && !(equal === 'production' && larger === 'control')) t.fail(`${equal} became ${larger}`);
  const part = (role: string) => roles.filter(([, larger]) => larger === role).length / roles.length;
  // The secret is fixed, so this cannot flicker.
  t.ok(Math.abs(part('experiment') - 0.1) < 0.02 && Math.abs(part('control') - 0.4) < 0.03, `${part('experiment')} and ${part('control')}`);
});

test('what does not conform is refused with the field, and without repeating a string', async (t) => {
  const good = { runId: 'r', route: 'p', arms: { control: ['http://127.0.0.1:1'], experiment: ['http://127.0.0.1:2'] }, secret, until: 5 };
  t.equal(conform(schemas.attachment, good, 'attachment'), good);
  const cases: [unknown, RegExp][] = [
    [{ ...good, secret: 'hunter2' }, /attachment\.secret must match/],
    [{ ...good, arms: { control: [], experiment: ['http://a'] } }, /attachment\.arms\.control must hold at least 1/],
    [{ ...good, arms: { control: ['http://user:pw@a'], experiment: ['http://a'] } }, /attachment\.arms\.control\[0\] must match/],
    [{ ...good, more: 1 }, /attachment\.more is not known; known: runId/],
    [{ ...good, until: 'soon' }, /attachment\.until must be a number/],
    [{ ...good, runId: 'a.b' }, /attachment\.runId must match/],
    [null, /attachment must be an object/],
  ];
  for (const [value, message] of cases) {
    const error = await t.rejects(async () => conform(schemas.attachment, value, 'attachment'), { code: 'bad-request', message });
    t.notMatch(String(error), /hunter2|user:pw/);
  }
});

test('the client says what kind of failure it met', async (t) => {
  const server = createServer((request, response) => {
    const status = Number(/status-(\d+)/.exec(request.url ?? '')?.[1]);
    if (status === 0) return;
    response.writeHead(status, { 'content-type': 'application/json' }).end(status === 299 ? 'not json' : '{"message":"because"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const client = new DataplaneClient({ url, token: 'very-secret-token', timeoutMs: 60_000 });
  const hasty = new DataplaneClient({ url, token: 'very-secret-token', timeoutMs: 100 });
  for (const [status, code] of [
    [400, 'bad-request'],
    [401, 'denied'],
    [403, 'denied'],
    [404, 'gone'],
    [409, 'conflict'],
    [500, 'unavailable'],
    [299, 'unavailable'],
    [0, 'unavailable'],
  ] as const) {
    const error = await (status === 0 ? hasty : client).deleteProxy(`status-${status}`).catch((thrown: unknown) => thrown);
    t.ok(hasCode(error, code), `${status} is ${code}: ${String(error)}`);
    t.notMatch(String(error), /very-secret/);
  }
  const closed = new DataplaneClient({ url: 'http://127.0.0.1:1', token: 't' });
  t.equal(await closed.isHealthy(), false);
  await t.rejects(closed.view(), { code: 'unavailable' });
  const stop = new AbortController();
  const reason = new Error('enough');
  const call = client.deleteProxy('status-0', stop.signal);
  stop.abort(reason);
  t.equal(await call.catch((thrown: unknown) => thrown), reason, "an aborted signal's own reason goes through");
});

test('a question that hangs is asked once more, an order is not', async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.method ?? '');
    // The first of each hangs.
    if (asked.filter((one) => one === request.method).length > 1) response.end('{"routes":[],"proxies":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const client = new DataplaneClient({ url, token: 't', timeoutMs: 1000 });
  t.same(await client.view(), { routes: [], proxies: [] });
  await t.rejects(client.deleteProxy('p'), { code: 'unavailable', message: /did not answer DELETE/ });
  t.same(asked, ['GET', 'GET', 'DELETE']);
});

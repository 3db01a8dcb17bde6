import type { RequestListener } from 'node:http';
import type { TrafficBlock } from '@haldane/core';
import { assign } from '@haldane/dataplane';
import { test } from 'tap';
import { ask, cookie, newKey, secret, signed, sliceOf, standWithArms, until } from '../../test/stand.ts';
import { leaveNothing } from './leave-nothing.ts';
import { traced, withoutOurBaggage } from './trace-context.ts';

const keyFor = (arm: 'control' | 'experiment' | 'production', share: number): string => {
  for (;;) {
    const key = newKey();
    if (assign(secret, key, share) === arm) return key;
  }
};
const headersOf = (flat: readonly string[]): Record<string, string> =>
  Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), flat[i + 1] ?? '']] : [])));

test('an answer under a fault leaves nothing with clients and caches, and says what was taken out', async (t) => {
  const told: string[] = [];
  const flat = (headers: Record<string, string>) => Object.entries(headers).flat();
  const soften = (status: number, headers: Record<string, string>) => {
    told.length = 0;
    const head = leaveNothing({ status, headers: flat(headers) }, (kind) => told.push(kind));
    return { status: head.status, headers: headersOf(head.headers), told: [...told].sort() };
  };
  const nowhere = { 'cache-control': 'no-store', 'cdn-cache-control': 'no-store', 'surrogate-control': 'no-store' };
  t.same(soften(200, { 'content-type': 'text/plain', ETag: '"1"', 'Cache-Control': 'private, no-store' }), {
    status: 200,
    headers: { 'content-type': 'text/plain', etag: '"1"', ...nowhere },
    told: [],
  });
  t.same(
    soften(308, {
      Location: '/elsewhere',
      'Cache-Control': 'public, max-age=31536000, immutable',
      'Surrogate-Control': 'max-age=3600',
      'CDN-Cache-Control': 'max-age=60',
      Expires: 'Thu, 01 Jan 2099 00:00:00 GMT',
      'Strict-Transport-Security': 'max-age=63072000; preload',
      'Public-Key-Pins': 'pin-sha256="x"; max-age=5184000',
      'Clear-Site-Data': '"*"',
      'Alt-Svc': 'h3="evil:443"; ma=2592000',
      NEL: '{"max_age":2592000}',
      'Access-Control-Max-Age': '86400',
    }),
    {
      status: 307,
      headers: { location: '/elsewhere', ...nowhere },
      told: ['alternative', 'caching', 'clear-site-data', 'permanent-redirect', 'policy', 'transport-security'],
    },
  );
  t.equal(soften(301, {}).status, 302);
  t.equal(soften(404, {}).status, 404);
});

test('a trace goes on as it came when it is valid, begins here when it is not, and names run and arm for us alone', async (t) => {
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';
  const kept = traced(
    [
      'x-a',
      '1',
      'traceparent',
      parent,
      'tracestate',
      'congo=t61, haldane=r9.control',
      'TraceState',
      'rojo=00f0',
      'baggage',
      'user=1, haldane.arm=control',
    ],
    'r1',
    'experiment',
  );
  t.equal(kept.traceId, '0af7651916cd43dd8448eb211c80319c');
  t.same(headersOf(kept.headers), {
    'x-a': '1',
    traceparent: parent,
    tracestate: 'haldane=r1.experiment,congo=t61,rojo=00f0',
    baggage: 'haldane.run=r1,haldane.arm=experiment,user=1',
  });
  for (const wrong of [
    null,
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    `${parent}-more`,
    `ff${parent.slice(2)}`,
    'what',
  ]) {
    const made = traced([...(wrong === null ? [] : ['traceparent', wrong]), 'tracestate', 'congo=t61'], 'r1', 'control');
    const headers = headersOf(made.headers);
    t.match(headers.traceparent, new RegExp(`^00-${made.traceId}-[0-9a-f]{16}-01$`), String(wrong));
    t.equal(headers.tracestate, 'haldane=r1.control', 'what belonged to another trace is dropped');
  }
  t.match(headersOf(traced(['traceparent', `01${parent.slice(2)}-later`], 'r1', 'control').headers).traceparent, /^01-.*-later$/);
  const many = Array.from({ length: 60 }, (_, i) => `v${i}=${'x'.repeat(20)}`).join(',');
  const long = headersOf(traced(['traceparent', parent, 'tracestate', many, 'baggage', `a=${'y'.repeat(9000)}`], 'r1', 'control').headers);
  t.ok((long.tracestate?.length ?? 0) <= 512 && long.tracestate?.startsWith('haldane=r1.control,v0='));
  t.equal(long.baggage, 'haldane.run=r1,haldane.arm=control');
  t.equal(withoutOurBaggage('a=1, Haldane.run=r2 ,b=2'), 'a=1,b=2');
  t.equal(withoutOurBaggage('haldane.run=r2'), null);
});

test('what enters an arm is named in its trace, and a few ids of both arms are told; production is left alone', async (t) => {
  const echo =
    (status: number): RequestListener =>
    (request, response) => {
      const { traceparent, tracestate, baggage } = request.headers;
      response.writeHead(status).end(JSON.stringify({ traceparent, tracestate, baggage }));
    };
  const { client, port } = await standWithArms(t, { production: echo(200), control: echo(200), experiment: echo(500) });
  await client.putSlice('pay', sliceOf({ share: 0.3 }));
  const seen = async (headers: Record<string, string>): Promise<Record<string, string>> => {
    const answer = await ask(port, { headers });
    return answer === 'broken' ? {} : (JSON.parse(answer.body) as Record<string, string>);
  };
  t.same(await seen({ ...cookie(keyFor('production', 0.3)), baggage: 'haldane.arm=experiment' }), {});
  t.match(await seen({ 'x-haldane-synthetic': signed('control') }), { tracestate: 'haldane=r1.control' });
  const experiment = cookie(keyFor('experiment', 0.3));
  const failed = await seen(experiment);
  t.match(failed, { tracestate: 'haldane=r1.experiment', baggage: 'haldane.run=r1,haldane.arm=experiment' });
  for (let i = 0; i < 10; i += 1) await seen(experiment);
  const well = await seen(cookie(keyFor('control', 0.3)));
  const blocks = await until(async () => {
    const told = (await client.telemetry('r1', 0)).blocks.filter((block) => block.traces);
    return told.some((block) => (block.traces?.control.well.length ?? 0) > 0) ? told : null;
  }, 'traces are told');
  const ids = (of: (block: TrafficBlock) => readonly string[] | undefined) => blocks.flatMap((block) => of(block) ?? []);
  const idOf = (trace: Record<string, string>) => trace.traceparent?.split('-')[1];
  t.equal(ids(({ traces }) => traces?.experiment.failed)[0], idOf(failed));
  t.same(
    ids(({ traces }) => traces?.control.well),
    [idOf(well)],
  );
  t.ok(ids(({ traces }) => traces?.experiment.failed).length <= blocks.length, 'one a second');
});

test('while the fault is on, what an arm answers leaves nothing behind; before it, and in production, answers are as they are', async (t) => {
  const lasting: RequestListener = (_request, response) =>
    response.writeHead(301, { location: '/new', 'cache-control': 'max-age=60', 'strict-transport-security': 'max-age=60' }).end('moved');
  for (const mode of ['route', 'shield'] as const) {
    const { client, port } = await standWithArms(t, { production: lasting, control: lasting, experiment: lasting });
    const headers = cookie(keyFor('experiment', 0.3));
    const rules = { mode, routes: [], key: { from: 'cookie' as const }, never: { keys: [], routes: [], headers: [] } };
    const as = { status: 301, headers: { 'cache-control': 'max-age=60', 'strict-transport-security': 'max-age=60' } };
    await client.putSlice('pay', sliceOf({ share: 0.3, rules }));
    t.match(await ask(port, { headers }), as, `${mode}: the baseline's slice`);
    await client.putSlice('pay', sliceOf({ name: 'watch', share: 0.3, rules, underFault: true }));
    const softened = await ask(port, { headers });
    t.match(softened, { status: 302, body: 'moved', headers: { location: '/new', 'cache-control': 'no-store' } }, mode);
    t.equal(softened === 'broken' ? '' : softened.headers['strict-transport-security'], undefined);
    t.match(await ask(port, { headers: cookie(keyFor('production', 0.3)) }), as, `${mode}: production`);
    const told = await until(async () => (await client.telemetry('r1', 0)).blocks.find((block) => block.stripped), 'told');
    t.same(told.stripped, { caching: 1, 'transport-security': 1, 'permanent-redirect': 1 });
  }
});

import { createServer } from 'node:http';
import type { TrafficBlock } from '@haldane/core';
import { DataplaneClient } from '@haldane/dataplane';
import { test } from 'tap';
import { metricSources } from '../index.ts';

test('a router that answers gives points, one with nothing to tell gives no data, and every silence is unavailable', async (t) => {
  let answer: { status: number; body: unknown } = { status: 200, body: {} };
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  const client = new DataplaneClient({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, token: 't' });
  const source = metricSources({ client }).get('router');
  const { signal } = new AbortController();
  const blocks = [{ at: 8 }, { at: 9 }] as TrafficBlock[];

  answer = { status: 200, body: { blocks, now: 0, attached: true } };
  t.same(await source.read('r 1', 7, signal), { state: 'ok', points: blocks });
  t.same(asked, ['/telemetry/r%201?after=7']);
  answer = { status: 200, body: { blocks, now: 0, attached: false } };
  t.same(await source.read('r1', 7, signal), { state: 'ok', points: blocks }, 'what is left to tell is told first');
  answer = { status: 200, body: { blocks: [], now: 0, attached: true } };
  t.same(await source.read('r1', 9, signal), { state: 'no-data' });
  answer = { status: 200, body: { blocks: [], now: 0, attached: false } };
  t.match(await source.read('r1', 9, signal), { state: 'unavailable', why: /lease ended/ });
  answer = { status: 404, body: { message: 'no run' } };
  t.match(await source.read('r1', 9, signal), { state: 'unavailable', why: /restarted/ });
  answer = { status: 401, body: { message: 'no' } };
  t.match(await source.read('r1', 9, signal), { state: 'unavailable' });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  t.match(await source.read('r1', 9, signal), { state: 'unavailable', why: /did not answer/ });
  t.throws(() => metricSources({ client }).get('prometheus'), { code: 'unknown-id', message: /known: router/ });
});

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { type Reading, systemClock, type TrafficBlock } from '@haldane/core';
import { DataplaneClient } from '@haldane/dataplane';
import { type Test, test } from 'tap';
import { metricSources } from '../index.ts';

test('a router that answers gives points, one with nothing to tell gives no data, and every silence is unavailable', async (t) => {
  let answer: { status: number; body: unknown } = { status: 200, body: {} };
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    if (request.url?.includes('/stream')) return void response.writeHead(503).end('{}');
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  const client = new DataplaneClient({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, token: 't' });
  const source = metricSources({ client, clock: systemClock }).get('router');
  const { signal } = new AbortController();
  const blocks = [{ at: 8 }, { at: 9 }] as TrafficBlock[];

  answer = { status: 200, body: { blocks, now: 0, attached: true } };
  t.same(await source.read('r 1', 7, signal), { state: 'ok', points: blocks });
  t.equal(asked[0], '/telemetry/r%201?after=7');
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
  t.throws(() => metricSources({ client, clock: systemClock }).get('prometheus'), { code: 'unknown-id', message: /known: none, router/ });
});

/** Reads until the source has an answer of this state, at most ten seconds. */
async function reads(t: Test, read: () => Promise<Reading<TrafficBlock>>, state: Reading<TrafficBlock>['state']) {
  for (let tries = 0; tries < 1000; tries += 1) {
    const reading = await read();
    if (reading.state === state) return reading;
    await wait(10);
  }
  t.fail(`the source never came to say ${state}`);
  return null;
}

test('streamed seconds are handed out once, and a stream that breaks off costs none that the router still knows', async (t) => {
  const known = [1, 2, 3].map((at) => ({ at })) as TrafficBlock[];
  const polls: number[] = [];
  const streams: { readonly after: number; readonly response: ServerResponse }[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://router');
    const after = Number(url.searchParams.get('after'));
    if (url.pathname.endsWith('/stream')) {
      streams.push({ after, response: response.writeHead(200) });
      response.flushHeaders();
      return;
    }
    polls.push(after);
    response.end(JSON.stringify({ blocks: known.filter(({ at }) => at > after), now: 0, attached: true }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const client = new DataplaneClient({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, token: 't' });
  const source = metricSources({ client, clock: systemClock }).get('router');
  const { signal } = new AbortController();
  const say = (news: object) => streams.at(-1)?.response.write(`${JSON.stringify({ now: 0, attached: true, ...news })}\n`);
  const streaming = async (count: number) => {
    while (streams.length < count) await once(server, 'request');
  };

  const first = streaming(1);
  t.same(await source.read('r1', 0, signal), { state: 'ok', points: known }, 'asked for before the stream is open');
  await first;
  t.equal(streams[0]?.after, 0);
  // What the stream repeats because it began where the reader stood then is not handed out again.
  say({ blocks: known, open: { at: 4, narrowed: true } });
  for (let tries = 0; source.open?.('r1') === null && tries < 1000; tries += 1) await wait(10);
  t.match(source.open?.('r1'), { at: 4, narrowed: true }, 'the second that still counts is known before it closes');
  t.same(await source.read('r1', 3, signal), { state: 'no-data' });
  known.push({ at: 4 } as TrafficBlock);
  say({ blocks: known.slice(3), open: null });
  t.same(await reads(t, () => source.read('r1', 3, signal), 'ok'), { state: 'ok', points: known.slice(3) });
  t.same(await source.read('r1', 4, signal), { state: 'no-data' });
  t.same(polls, [0], 'nothing was asked for while the stream told it');

  known.push({ at: 5 } as TrafficBlock);
  const second = streaming(2);
  streams[0]?.response.destroy();
  t.same(await reads(t, () => source.read('r1', 4, signal), 'ok'), { state: 'ok', points: known.slice(4) }, 'asked for instead');
  await second;
  t.equal(source.open?.('r1'), null, 'what was heard of a stream that is gone is not now');
  const closed = once(streams[1]?.response as ServerResponse, 'close');
  source.leave?.('r1');
  await closed;
  server.close();
  server.closeAllConnections();
  t.match(await reads(t, () => source.read('r1', 5, signal), 'unavailable'), { why: /did not answer/ });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { HaldaneClient } from '@haldane/client';
import type { Clock, Plan, Run, RunEvent } from '@haldane/core';
import { HaldaneError, systemClock } from '@haldane/core';
import { startTestDatabase } from '@haldane/store/testing';
import { sampleExperiment } from '@haldane/testkit';
import { after, type Test, test } from 'tap';
import type { Desk } from './desk.ts';
import { createApi } from './index.ts';
import type { Operation } from './operations/operation.ts';
import { operations } from './operations.ts';

const database = await startTestDatabase();
after(() => database.stop());
const rates = { known: { burst: 10_000, perSecond: 1_000 }, strangers: { burst: 10_000, perSecond: 1_000 } };
const token = 'a-token-of-the-api';
const alertToken = 'a-token-of-a-sender';
const auth = { authorization: `Bearer ${token}` };
const id = 'run-1';

type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: unknown;
};

/** An API over a database of its own, which notes what reached the desk behind it. */
async function office(t: Test, bent: Partial<Desk> = {}) {
  const copy = await database.copy();
  const { store } = copy;
  const { runs } = store;
  await runs.create({ id, service: 'payments', environment: 'test', experiment: sampleExperiment(), key: null });
  const reached: string[] = [];
  const errors: unknown[] = [];
  const found = async (): Promise<Run> => (await runs.get(id)) as Run;
  const tell = async (type: RunEvent['type'], data: RunEvent['data'] = {}) => void (await runs.tell(id, type, data));
  const desk: Desk = {
    store,
    plan: async (file) => {
      reached.push(`plan ${file}`);
      return { refusals: [] } as unknown as Plan;
    },
    define: async () => Promise.reject(new Error('nobody asks')),
    create: async () => {
      reached.push('create');
      return found();
    },
    hold: async () => Promise.reject(new Error('nobody asks')),
    deploy: async () => ({ service: 'payments', environment: 'test', revision: 'abc', address: 'http://127.0.0.1:1' }),
    schedule: async () => Promise.reject(new Error('nobody asks')),
    scenarios: () => [],
    sweep: async (end) => {
      reached.push(`sweep ${end}`);
      return [];
    },
    evidence: async () => ({}) as never,
    report: async (_run, format) => `a report as ${format}`,
    bundle: async () => 'a bundle',
    signingKeys: () => [],
    ...bent,
  };
  const app = createApi({ desk, tokens: [token], alertTokens: [alertToken], onError: (error) => errors.push(error), rates });
  t.teardown(async () => {
    await app.close();
    await copy.close();
  });
  const listen = async () => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    return (app.server.address() as AddressInfo).port;
  };
  return { app, store, runs, reached, errors, tell, listen };
}

const file = { file: '/x/experiment.yaml' };
const routes: readonly [method: 'GET' | 'POST', url: string, body?: object, status?: number][] = [
  ['POST', '/v1/plans', file],
  ['POST', '/v1/runs', file, 201],
  ['GET', '/v1/runs'],
  ['GET', `/v1/runs/${id}`],
  ['POST', `/v1/runs/${id}/abort`, { why: 'enough' }],
  ['GET', `/v1/runs/${id}/evidence`],
  ['GET', `/v1/runs/${id}/report`],
  ['GET', '/v1/scenarios'],
  ['POST', '/v1/services', file],
  ['POST', '/v1/sweep', { end: true }],
];

test('every endpoint but health needs a token, whatever is written for it', async (t) => {
  const { app, reached, runs } = await office(t);
  const wrong = [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    `bearer ${token}`,
    token,
    `Bearer ${token}x`,
    `Basic ${token}`,
    `Bearer ${alertToken}`,
  ];
  for (const [method, url, payload] of [...routes, ['GET', `/v1/runs/${id}/events`] as const])
    for (const authorization of wrong) {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
      t.equal(answer.statusCode, 401, `${method} ${url} with ${authorization}`);
      t.match(answer.json(), { type: 'urn:haldane:error:unauthorised', status: 401, code: 'unauthorised' });
      t.match(answer.headers['content-type'], 'application/problem+json');
    }
  t.same(reached, [], 'nobody behind the door was asked');
  t.equal((await runs.get(id))?.abortAsked, null);

  for (const [method, url, payload, status = 200] of routes) {
    const answer = await app.inject({ method, url, headers: auth, ...(payload === undefined ? {} : { payload }) });
    t.equal(answer.statusCode, status, `${method} ${url} with a token`);
  }
  t.equal((await app.inject('/healthz')).statusCode, 200);
  t.equal((await app.inject(`/v1/runs?token=${token}`)).statusCode, 401, 'a token in the address opens nothing here');
});

/** The status of a request whose target is sent as it is written, and whether anybody but the parser saw it. */
async function answerTo(port: number, target: string, method = 'GET'): Promise<{ readonly status: number; readonly understood: boolean }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`${method} ${target} HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\r\n`);
  let text = '';
  for await (const part of socket) text += String(part);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), understood: /^content-type: application\/problem\+json/im.test(text) };
}

test('no way of writing an address gets past the token', async (t) => {
  const { listen, reached } = await office(t);
  const port = await listen();
  const targets = [
    '/',
    '//v1/runs',
    '/v1//runs',
    '/v1/runs/',
    '/V1/RUNS',
    '/v1/%72uns',
    '/%76%31/runs',
    '/v1/../healthz',
    '/v1/runs/../../healthz',
    '/healthz/../v1/runs',
    '/healthz/..%2fv1/runs',
    '/healthz/',
    '/HEALTHZ',
    '//healthz',
    '/alerts/../v1/runs',
    '/alerts/x/../../v1/runs',
    '/alerts/%2e%2e/v1/runs',
    '/v1/runs/..\\..\\..\\alerts\\x',
    '/v1/runs/..\\..\\..\\alerts/evidence',
    `/v1/runs/${id};/alerts/x`,
    '/v1/runs#/healthz',
    '/v1/runs?/healthz',
    'http://api/v1/runs',
    'http://x\\alerts/v1/runs',
    'http://x\\healthz?/v1/runs',
    'http://healthz/v1/runs',
    '*',
  ];
  for (const target of targets) {
    const { status, understood } = await answerTo(port, target);
    t.equal(status, understood ? 401 : 400, `${target}: ${understood ? 'understood' : 'not understood'}`);
  }
  t.match(await answerTo(port, 'http:///alerts/v1/runs'), { status: 400 }, 'an address that cannot be read');
  t.match(await answerTo(port, '/v1/runs', 'HEAD'), { status: 401 });
  t.match(await answerTo(port, '/v1/runs', 'OPTIONS'), { status: 401 });
  t.match(await answerTo(port, '/healthz', 'POST'), { status: 401 });
  t.match(await answerTo(port, '/alerts/oncall', 'GET'), { status: 401 });
  t.same(reached, []);
});

test('what is wrong is said as problem details, and a stranger is not told what there is', async (t) => {
  const { app } = await office(t);
  const ask = async (method: 'GET' | 'POST', url: string, payload?: object | string, more: Readonly<Record<string, string>> = {}) => {
    const answer = await app.inject({ method, url, headers: { ...auth, ...more }, ...(payload === undefined ? {} : { payload }) });
    t.match(answer.headers['content-type'], 'application/problem+json', url);
    const problem = answer.json() as { type: string; code: string; status: number; title: string; detail: string };
    t.equal(problem.status, answer.statusCode);
    t.equal(problem.type, `urn:haldane:error:${problem.code}`);
    t.ok(problem.title.length > 0 && problem.detail.length > 0);
    return [problem.status, problem.code];
  };
  t.same(await ask('GET', '/v1/nothing'), [404, 'not-found']);
  t.same(await ask('GET', '/v1/runs/run-2'), [404, 'not-found']);
  t.same(await ask('GET', '/v1/runs/run-2/events'), [404, 'not-found']);
  t.same(await ask('POST', '/v1/runs/run-2/abort', { why: 'x' }), [404, 'not-found']);
  for (const url of ['/v1/nothing', '/v1/runs/run-2', '/v1/runs/NO'])
    t.equal((await app.inject(url)).statusCode, 401, `${url}: without a token nobody learns whether it is there`);

  for (const url of [
    '/v1/runs/x',
    '/v1/runs/NO-CAPITALS',
    `/v1/runs/${'a'.repeat(41)}`,
    `/v1/runs/a%2fbcd`,
    '/v1/runs?limit=0',
    '/v1/runs?limit=201',
    '/v1/runs?limit=many',
    '/v1/runs?more=1',
    '/v1/audit?after=1e308',
    `/v1/runs/${id}/events?after=${2 ** 53}`,
  ])
    t.same(await ask('GET', url), [400, 'bad-request'], url);
  t.same(await ask('GET', `/v1/runs/${id}/events?after=-1`), [400, 'bad-request']);
  t.same(await ask('GET', `/v1/runs/${id}/report?format=exe`), [400, 'bad-request']);
  const bodies: readonly (object | string)[] = [
    {},
    { file: '' },
    { file: 1 },
    { file: '/x', more: true },
    { file: '/x', fault: 'no' },
    { file: '/x', key: '' },
    { file: '/x', key: 'half \ud800' },
    { file: '/x', key: 'a\u0000b' },
    { file: '/x', command: ['sh', '-c', 'id'] },
    { file: '/x', deploy: { command: ['id'] } },
    { file: '/x', callback: 'http://169.254.169.254/' },
  ];
  for (const body of bodies) t.same(await ask('POST', '/v1/runs', body), [400, 'bad-request'], JSON.stringify(body));
  t.same(await ask('POST', '/v1/plans', { file: '/x', find: 1 }), [400, 'bad-request']);
  t.same(await ask('POST', `/v1/runs/${id}/abort`, { why: '' }), [400, 'bad-request']);
  t.same(await ask('POST', '/v1/sweep', {}), [400, 'bad-request']);
  t.same(await ask('POST', '/v1/runs', '{', { 'content-type': 'application/json' }), [400, 'bad-request']);
  t.same(await ask('POST', '/v1/runs', 'file: /x', { 'content-type': 'text/yaml' }), [415, 'bad-request']);
  t.same(await ask('POST', '/v1/runs', { file: 'x'.repeat(300 * 1024) }), [413, 'bad-request']);
  t.same(await ask('GET', '/v1/%zz'), [400, 'bad-request']);
  t.same(await ask('GET', `/v1/runs/${'a'.repeat(300)}`), [414, 'bad-request']);
});

test('the API takes neither a program nor an address: no body has a word for one, nor room for words that it does not know', async (t) => {
  const inside = ({ properties = {}, items, anyOf = [], type, additionalProperties }: Schema, at: string): readonly string[] => [
    ...(type === 'object' && additionalProperties !== false ? [`${at} takes any word`] : []),
    ...Object.keys(properties)
      .filter((word) =>
        /^(ur[li]|address|endpoint|callback|webhook|issuer|host|command|script|program|args|env|manifest|recipe)s?$/i.test(word),
      )
      .map((word) => `${at}.${word}`),
    ...Object.entries(properties).flatMap(([word, one]) => inside(one, `${at}.${word}`)),
    ...[...(items === undefined ? [] : [items]), ...anyOf].flatMap((one) => inside(one, `${at}[]`)),
  ];
  const bodies = Object.entries<Operation>(operations).flatMap(([name, { body }]) => (body === undefined ? [] : [[name, body] as const]));
  t.ok(bodies.length > 10);
  t.same(
    bodies.flatMap(([name, body]) => inside(body as Schema, name)),
    [],
  );
  t.same(inside({ type: 'object', properties: { callback: {} } }, 'x'), ['x takes any word', 'x.callback']);
});

test('an error of ours reaches its code, and one of the inside says nothing of itself', async (t) => {
  const secret = 'postgres://haldane:hunter2@127.0.0.1/haldane';
  const throwing = (error: unknown) => ({
    plan: async () => {
      throw error;
    },
  });
  const plan = async (error: unknown) => {
    const { app, errors } = await office(t, throwing(error));
    const answer = await app.inject({ method: 'POST', url: '/v1/plans', headers: auth, payload: file });
    return { answer, errors };
  };
  for (const error of [
    new Error(secret),
    new TypeError(secret),
    Object.assign(new Error(secret), { code: 'ECONNREFUSED' }),
    secret,
    null,
  ]) {
    const { answer, errors } = await plan(error);
    t.equal(answer.statusCode, 500);
    t.equal(answer.json().code, 'internal');
    t.notMatch(answer.body, /hunter2|ECONNREFUSED|\.ts/);
    t.equal(errors.length, 1, 'and is told to the log');
  }
  const { answer } = await plan(new HaldaneError('internal', secret, { cause: new Error(secret) }));
  t.notMatch(answer.body, /hunter2/, 'a bug of ours is the inside too');

  const statuses = [
    ['bad-document', 422],
    ['unknown-id', 422],
    ['refused', 403],
    ['service-taken', 409],
    ['not-healthy', 503],
    ['unavailable', 503],
  ] as const;
  for (const [code, status] of statuses) {
    const { answer } = await plan(new HaldaneError(code, `the words of ${code}`));
    t.match(answer.json(), { status, code, detail: `the words of ${code}` });
    t.equal(answer.statusCode, status);
  }
});

test('alerts are let in by the token of a sender, which opens nothing else, and by no other', async (t) => {
  const { app, store } = await office(t);
  const received = async () => {
    const reading = await store.alerts.alerts('', { from: 0, to: Date.now() + 60_000 }, new AbortController().signal);
    return reading.state === 'ok' ? reading.points : [];
  };
  const payload = { rule: 'keys-failing', severity: 'high', summary: 'the keys cannot be read' };
  const send = async (url: string, headers: Readonly<Record<string, string>> = {}) =>
    (await app.inject({ method: 'POST', url, headers, payload })).statusCode;
  t.equal(await send('/alerts/oncall'), 401);
  t.equal(await send('/alerts/oncall', auth), 401, "the API's own token is not a sender's");
  t.equal(await send(`/alerts/oncall?token=${token}`), 401);
  t.equal(await send('/alerts/oncall?token='), 401);
  t.equal(await send(`/alerts/oncall?token=${alertToken}`, auth), 401, 'the header is what counts when there is one');
  t.same(await received(), []);
  t.equal(await send('/alerts/oncall', { authorization: `Bearer ${alertToken}` }), 202);
  t.equal(await send(`/alerts/oncall?token=${alertToken}`), 202);
  t.same(
    (await received()).map(({ receiver, rule }) => [receiver, rule]),
    [
      ['oncall', 'keys-failing'],
      ['oncall', 'keys-failing'],
    ],
  );
  t.equal(await send(`/alerts/No!?token=${alertToken}`), 400);
  t.equal((await app.inject({ method: 'POST', url: `/alerts/oncall?token=${alertToken}`, payload: [] })).statusCode, 400);
});

/** What a stream of events says until the server ends it. */
async function streamed(port: number, query: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/runs/${id}/events${query}`, { headers: { ...auth, ...headers } });
  if (answer.headers.get('content-type') !== 'text/event-stream') throw new Error(`not a stream: ${answer.status}`);
  return [...(await answer.text()).matchAll(/^id: (\d+)\ndata: (.*)$/gm)].map(([, seq, data]) => [
    Number(seq),
    (JSON.parse(data ?? '') as RunEvent).type,
  ]);
}

test('an inbox that cannot be read is no empty one', async (t) => {
  const { app, store } = await office(t);
  const listed = () => app.inject({ url: '/v1/alerts?from=0&to=1', headers: auth });
  t.same((await listed()).json(), []);
  t.intercept(store.alerts, 'alerts', { value: async () => ({ state: 'unavailable', why: 'the database is away' }) });
  t.match((await listed()).json(), {
    status: 503,
    code: 'unavailable',
    detail: 'the inbox of alerts cannot be read: the database is away',
  });
});

test('a stream of events begins after the last one that the caller saw, and ends with the run', async (t) => {
  const { tell, listen } = await office(t);
  const port = await listen();
  await tell('note', { text: 'one' });
  await tell('phase', { phase: 'baseline' });
  const whole = streamed(port, '');
  await tell('phase', { phase: 'done' });
  const all = [
    [1, 'created'],
    [2, 'note'],
    [3, 'phase'],
    [4, 'phase'],
  ] as const;
  t.same(await whole, all);
  t.same(await streamed(port, '?after=2'), all.slice(2));
  t.same(await streamed(port, '', { 'last-event-id': '3' }), all.slice(3));
  t.same(await streamed(port, '?after=1', { 'last-event-id': '3' }), all.slice(3), 'the header is newer than the address');
  t.same(await streamed(port, '?after=2', { 'last-event-id': 'rubbish' }), all.slice(2));
});

test('a stream of a run that says nothing reads nothing: the store is looked at when there is news', async (t) => {
  const { tell, listen, runs } = await office(t);
  const read = runs.events.bind(runs);
  let reads = 0;
  runs.events = (...of) => {
    reads += 1;
    return read(...of);
  };
  const answer = await fetch(`http://127.0.0.1:${await listen()}/v1/runs/${id}/events`, { headers: auth });
  const lines = createInterface({ input: Readable.fromWeb(answer.body as ReadableStream) })[Symbol.asyncIterator]();
  const nextEvent = async () => {
    for (;;) {
      const { value } = await lines.next();
      if (String(value).startsWith('data: ')) return (JSON.parse(String(value).slice(6)) as RunEvent).type;
    }
  };
  t.equal(await nextEvent(), 'created');
  // Time in which a stream that goes round by itself would have read hundreds of times; a slow machine only makes it fewer.
  await systemClock.sleep(300);
  await tell('note', { text: 'one' });
  t.equal(await nextEvent(), 'note');
  await tell('phase', { phase: 'done' });
  t.equal(await nextEvent(), 'phase');
  // At most: one at the start, one for the feed's own beginning, and two for each event (the read that finds it and the one after).
  t.ok(reads <= 8, `${reads} reads`);
});

test('the client is told what the server was told, in its own codes', async (t) => {
  const { listen } = await office(t, {
    create: async () => {
      throw new HaldaneError('service-taken', 'payments is held by run-1');
    },
  });
  const address = `http://127.0.0.1:${await listen()}`;
  const client = new HaldaneClient({ address, token });
  t.equal(await client.alive(), true);
  t.equal((await client.run(id)).id, id);
  t.equal((await client.runs()).length, 1);
  t.equal((await client.abort(id, 'enough')).abortAsked, 'enough');
  t.equal(await client.report(id, 'html'), 'a report as html');
  await t.rejects(client.create(file), { name: 'HaldaneError', code: 'service-taken', message: 'payments is held by run-1' });
  await t.rejects(client.run('run-2'), { code: 'not-found' });
  await t.rejects(client.run('../../healthz'), { code: 'bad-request' }, 'a name is never a path');
  await t.rejects(new HaldaneClient({ address, token: 'wrong' }).runs(), { code: 'unauthorised' });
  const nobody = new HaldaneClient({ address: 'http://127.0.0.1:1', token });
  t.equal(await nobody.alive(), false);
  await t.rejects(nobody.runs(), { code: 'unavailable', message: /is it still running\?/ });
});

/** A server of events that ends each connection after so many; counts how often it was asked, and from where on. */
async function cutting(t: Test, counts: readonly number[], end: 'destroy' | 'end') {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const after = Number(new URL(request.url ?? '', 'http://api').searchParams.get('after'));
    const many = counts[asked.length] ?? 0;
    asked.push(`after ${after}`);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = (seq: number): RunEvent => ({
      runId: id,
      seq,
      at: 0,
      type: seq === 6 ? 'phase' : 'note',
      data: seq === 6 ? { phase: 'done' } : {},
    });
    const text = Array.from({ length: many }, (_, i) => `id: ${after + 1 + i}\ndata: ${JSON.stringify(event(after + 1 + i))}\n\n`).join('');
    const half = `id: ${after + many + 1}\ndata: {"runId`;
    response.write(`: hello\n\n${text}${end === 'destroy' ? half : ''}`, () => (end === 'destroy' ? response.destroy() : response.end()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  return { asked, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A clock on which every pause is over at once, and noted. Nothing on it is ever silent for too long. */
function noting(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  const pause = async (ms: number) => void slept.push(ms);
  return { slept, now: () => 0, sleep: (ms, signal) => (ms > 10_000 ? systemClock.sleep(ms, signal) : pause(ms)) };
}

test('events go on where the connection was cut, without one lost or told twice, and end with the run', async (t) => {
  for (const end of ['destroy', 'end'] as const) {
    const { asked, address } = await cutting(t, [2, 0, 1, 3], end);
    const clock = noting();
    const seen: number[] = [];
    for await (const { seq } of new HaldaneClient({ address, token }, clock).events(id, 0, new AbortController().signal)) seen.push(seq);
    t.same(seen, [1, 2, 3, 4, 5, 6], end);
    t.same(asked, ['after 0', 'after 2', 'after 2', 'after 3']);
    t.equal(clock.slept.length, 3, 'each time it paused');
  }
});

test('a server that ends every stream at once is asked a few times, ever more slowly, and then given up', async (t) => {
  const { asked, address } = await cutting(t, [], 'end');
  const clock = noting();
  const following = new HaldaneClient({ address, token }, clock).events(id, 0, new AbortController().signal).next();
  await t.rejects(following, { name: 'HaldaneError', code: 'unavailable' });
  t.ok(asked.length > 3 && asked.length < 20, `${asked.length} times`);
  t.same(
    clock.slept,
    [...clock.slept].sort((a, b) => a - b),
  );
  t.ok(clock.slept.reduce((sum, ms) => sum + ms, 0) > 5_000, 'over some seconds');

  const nobody = new HaldaneClient({ address: 'http://127.0.0.1:1', token }, clock);
  await t.rejects(
    nobody.events(id, 0, new AbortController().signal).next(),
    { code: 'unavailable' },
    'who was never there is not waited for',
  );
});

test('a connection that died without a word is given up, and the events go on with another', async (t) => {
  const server = createServer((request, response) => {
    const after = Number(new URL(request.url ?? '', 'http://api').searchParams.get('after'));
    const event = (seq: number): RunEvent => ({ runId: id, seq, at: 0, type: 'phase', data: { phase: seq === 2 ? 'done' : 'planning' } });
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${JSON.stringify(event(after + 1))}\n\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  // Half a minute is over in half a second. The server never ends a connection by itself.
  const clock: Clock = { now: () => 0, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 500), signal) };
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const seen: number[] = [];
  for await (const { seq } of new HaldaneClient({ address, token }, clock).events(id, 0, new AbortController().signal)) seen.push(seq);
  t.same(seen, [1, 2]);
});

test('whoever follows a run may leave at any time', async (t) => {
  const { listen } = await office(t);
  const client = new HaldaneClient({ address: `http://127.0.0.1:${await listen()}`, token });
  const leaving = new AbortController();
  const seen: string[] = [];
  for await (const { type } of client.events(id, 0, leaving.signal)) {
    seen.push(type);
    leaving.abort();
  }
  t.same(seen, ['created']);
  await t.rejects(client.events('run-2', 0, new AbortController().signal).next(), { code: 'not-found' });
});

test('a stream ends when its events cannot be read any more, so that its reader comes back', async (t) => {
  let asked = 0;
  const { listen, runs } = await office(t);
  runs.events = async () => {
    asked += 1;
    throw new Error('the database is away');
  };
  t.same(await streamed(await listen(), ''), []);
  t.equal(asked, 1);
});

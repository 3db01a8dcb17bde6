import type { ClientRequest, RequestListener } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { plainRules, type SliceRules, type TrafficBlock } from '@haldane/core';
import { assign } from '@haldane/dataplane';
import { test } from 'tap';
import { Agent, type Answer, ask, cookie, newKey, secret, sliceOf, standWithArms, until } from '../test/stand.ts';

const rules = (over: Partial<SliceRules>): SliceRules => ({ ...plainRules, ...over });
const shield = rules({ mode: 'shield' });
type Stand = Awaited<ReturnType<typeof standWithArms>>;
const keyFor = (arm: 'control' | 'experiment' | 'production', share = 0.5): string => {
  for (;;) {
    const key = newKey();
    if (assign(secret, key, share) === arm) return key;
  }
};
const spent = async ({ client }: Stand) => (await client.view()).routes[0]?.slices[0]?.spent;
const sum = (blocks: readonly TrafficBlock[], of: (block: TrafficBlock) => number) => blocks.reduce((all, block) => all + of(block), 0);
/** Seconds that were told, once they tell what is wanted. */
const told = ({ client }: Stand, wanted: (blocks: readonly TrafficBlock[]) => boolean, what: string) =>
  until(async () => {
    const { blocks } = await client.telemetry('r1', 0);
    return wanted(blocks) ? blocks : null;
  }, what);

const failing: Record<string, (request: Parameters<RequestListener>[0], response: Parameters<RequestListener>[1]) => void> = {
  'answers 500': (_request, response) => response.writeHead(500).end('no'),
  hangs: () => undefined,
  'resets before it answers': (request) => request.socket.resetAndDestroy(),
  'resets in the middle of a short answer': (request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => request.socket.resetAndDestroy());
  },
  'denies whom production lets in': (_request, response) => response.writeHead(401).end('who are you'),
  'sends everybody to the login': (_request, response) => response.writeHead(302, { location: '/login' }).end(),
};

for (const [how, listener] of Object.entries(failing)) {
  test(`shielded: of an arm that ${how}, no client sees anything at a concurrency of 200, and the evidence counts it`, async (t) => {
    let reached = 0;
    const counted: RequestListener = (request, response) => {
      reached += 1;
      listener(request, response);
    };
    const stand = await standWithArms(t, {
      control: counted,
      experiment: counted,
      production: (request, response) => {
        let body = '';
        request.on('data', (chunk) => {
          body += chunk;
        });
        request.on('end', () => response.end(`production ${request.method} ${body}`));
      },
    });
    const cap = 5;
    await stand.client.putSlice('pay', sliceOf({ cap, limitMs: how === 'hangs' ? 4000 : 20_000, rules: shield }));
    const agent = new Agent({ keepAlive: true, maxSockets: 200 });
    t.teardown(() => agent.destroy());
    const methods = ['GET', 'PUT', 'DELETE', 'OPTIONS'];
    const bad: (Answer | 'broken')[] = [];
    await Promise.all(
      Array.from({ length: 200 }, async (_, user) => {
        const key = newKey();
        for (let i = 0; i < 2; i += 1) {
          const method = methods[(user + i) % methods.length] as string;
          const body = method === 'PUT' ? `mine ${user}` : '';
          const answer = await ask(stand.port, { headers: cookie(key), agent, method, ...(body === '' ? {} : { body }) });
          if (answer === 'broken' || answer.status !== 200 || !answer.whole || answer.body !== `production ${method} ${body}`)
            bad.push(answer);
        }
      }),
    );
    t.same(bad.slice(0, 3), [], `${bad.length} of 400`);
    t.ok(reached >= cap, `${reached} requests met the arms`);
    t.equal(await spent(stand), 0, 'nobody was harmed, so nothing was charged');
    const blocks = await told(
      stand,
      (all) => sum(all, ({ shielded }) => (shielded?.control ?? 0) + (shielded?.experiment ?? 0)) >= reached,
      'all are told',
    );
    for (const arm of ['control', 'experiment'] as const)
      t.equal(
        sum(blocks, ({ real }) => real[arm].failures),
        sum(blocks, ({ shielded }) => shielded?.[arm] ?? 0),
        `every failure of ${arm} is evidence`,
      );
    t.equal(
      sum(blocks, ({ real }) => real.control.failures + real.experiment.failures),
      reached,
    );
    await until(async () => (await stand.client.view()).routes[0]?.inFlight.length === 0, 'nobody is in an arm');
  });
}

test('shielded: what cannot be asked twice never enters an arm, and a good answer is passed on as it comes', async (t) => {
  const inArm: string[] = [];
  const arm: RequestListener = (request, response) => {
    inArm.push(request.method ?? '');
    response.writeHead(200, { 'x-arm': 'yes' });
    response.write('first');
    request.resume();
    void wait(30).then(() => response.end('last'));
  };
  const stand = await standWithArms(t, { control: arm, experiment: arm });
  await stand.client.putSlice('pay', sliceOf({ rules: shield }));
  const headers = cookie(keyFor('experiment'));
  t.match(await ask(stand.port, { headers }), { status: 200, body: 'firstlast', headers: { 'x-arm': 'yes' }, whole: true });
  t.match(await ask(stand.port, { headers, method: 'POST', body: 'x' }), { body: 'production' });
  t.match(await ask(stand.port, { headers: { ...headers, 'transfer-encoding': 'chunked' }, method: 'PUT', body: 'x' }), {
    body: 'production',
  });
  t.match(await ask(stand.port, { headers, method: 'PUT', body: 'x'.repeat(70_000) }), { body: 'production' });
  t.same(inArm, ['GET']);
  t.equal(await spent(stand), 0);
});

test('shielded: what production fails too, and what breaks after its first byte, is harm and charged', async (t) => {
  let how: 'fail' | 'break' = 'fail';
  const stand = await standWithArms(t, {
    production: (_request, response) => response.writeHead(503).end(),
    experiment: (request, response) => {
      if (how === 'fail') response.writeHead(500).end();
      else response.write('half', () => request.socket.resetAndDestroy());
    },
  });
  await stand.client.putSlice('pay', sliceOf({ rules: shield }));
  const headers = cookie(keyFor('experiment'));
  t.match(await ask(stand.port, { headers }), { status: 503 });
  t.equal(await until(() => spent(stand), 'charged'), 1);
  how = 'break';
  const answer = await ask(stand.port, { headers });
  // The reset may overtake the first bytes: then production answered after all.
  if (answer !== 'broken' && answer.status === 503) t.equal(await spent(stand), 2);
  else {
    t.ok(answer === 'broken' || !answer.whole);
    await until(async () => (await spent(stand)) === 2, 'charged');
  }
});

test('shielded: who is in an arm when the slice is cut is answered by production', async (t) => {
  const stand = await standWithArms(t, { experiment: () => undefined });
  await stand.client.putSlice('pay', sliceOf({ rules: shield, limitMs: 60_000 }));
  const asked = ask(stand.port, { headers: cookie(keyFor('experiment')) });
  await until(async () => (await stand.client.view()).routes[0]?.inFlight.length === 1, 'it is in the arm');
  await stand.client.cutSlice('pay', 'r1', 'main');
  t.match(await asked, { status: 200, body: 'production' });
});

test('shielded: a client that leaves while its body is under way leaves no unit behind', async (t) => {
  const stand = await standWithArms(t);
  await stand.client.putSlice('pay', sliceOf({ cap: 2, rules: shield }));
  let sent: ClientRequest | undefined;
  const begun = (request: ClientRequest) => {
    sent = request;
    request.write('x');
    request.end = () => request;
  };
  const asked = ask(stand.port, { headers: { ...cookie(keyFor('experiment')), 'content-length': '10' }, method: 'PUT', begun });
  await until(async () => (await stand.client.view()).routes[0]?.inFlight.length === 1, 'it is there');
  sent?.destroy();
  t.equal(await asked, 'broken');
  t.equal(await until(() => spent(stand), 'a client that leaves early counts as harmed'), 1);
  t.match(await ask(stand.port, { headers: cookie(keyFor('experiment')) }), { body: 'experiment' }, 'the other unit is free');
});

test('mirrored: production answers everybody, the arms get copies of the listed safe routes, and only the difference is kept', async (t) => {
  const copies: string[] = [];
  const arm =
    (name: string): RequestListener =>
    (request, response) => {
      copies.push(`${name} ${request.method} ${request.url}`);
      if (name === 'experiment' && request.url === '/list/1') response.writeHead(500).end('failed');
      else response.end(request.url === '/list/2' && name === 'experiment' ? 'other' : 'production');
    };
  const stand = await standWithArms(t, { control: arm('control'), experiment: arm('experiment') });
  await t.rejects(
    stand.client.putSlice('pay', sliceOf({ rules: rules({ mode: 'mirror' }) })),
    { code: 'bad-request' },
    'nothing by default',
  );
  await stand.client.putSlice('pay', sliceOf({ cap: 0, rules: rules({ mode: 'mirror', routes: ['/list/*'] }) }));
  const experiment = cookie(keyFor('experiment'));
  const control = cookie(keyFor('control'));
  for (const [headers, path, method] of [
    [experiment, '/list/1', 'GET'],
    [experiment, '/list/2', 'GET'],
    [experiment, '/list/3?page=2', 'GET'],
    [control, '/list/1', 'GET'],
    [control, '/list/2', 'HEAD'],
    [experiment, '/list/1', 'POST'],
    [experiment, '/other', 'GET'],
    [cookie(newKey().replace(/./g, 'z')), '/list/1', 'GET'],
  ] as const)
    t.match(await ask(stand.port, { headers, path, method }), { status: 200 });
  const blocks = await told(
    stand,
    (all) =>
      sum(all, ({ mirrored }) => (mirrored ? Object.values(mirrored).reduce((n, one) => n + one.same + one.status + one.body, 0) : 0)) ===
        5 && sum(all, ({ real }) => real.production.requests) === 8,
    'five were compared, and all eight are told',
  );
  t.same(copies.sort(), [
    'control GET /list/1',
    'control HEAD /list/2',
    'experiment GET /list/1',
    'experiment GET /list/2',
    'experiment GET /list/3?page=2',
  ]);
  for (const difference of ['same', 'status', 'body'] as const)
    t.equal(
      sum(blocks, ({ mirrored }) => mirrored?.experiment[difference] ?? 0),
      1,
      difference,
    );
  t.equal(
    sum(blocks, ({ mirrored }) => mirrored?.control.same ?? 0),
    2,
  );
  t.equal(
    sum(blocks, ({ real }) => real.experiment.failures),
    1,
    'the failure of a copy is evidence',
  );
  t.equal(
    sum(blocks, ({ real }) => real.production.requests),
    8,
  );
  t.equal(await spent(stand), 0, 'and harm to nobody');
});

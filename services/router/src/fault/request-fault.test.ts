import { connect } from 'node:net';
import type { Arm, RequestFault } from '@haldane/core';
import { assign } from '@haldane/dataplane';
import { test } from 'tap';
import { Agent, ask, cookie, newKey, secret, signed, sliceOf, standWithArms, until } from '../../test/stand.ts';
import type { AnswerReader } from '../door/answer-reader.ts';
import { meets } from './fault-draw.ts';
import { sendUnderFault } from './send-under-fault.ts';

type Rig = Awaited<ReturnType<typeof standWithArms>>;
const keyFor = (arm: Arm): string => {
  for (;;) {
    const key = newKey();
    if (assign(secret, key, 0.5) === arm) return key;
  }
};
const users = { control: cookie(keyFor('control')), experiment: cookie(keyFor('experiment')) };
const fault = (rig: Rig, wanted: RequestFault) => rig.client.setRequestFault('pay', 'r1', 'experiment', wanted);
const clear = (rig: Rig) => rig.client.clearRequestFault('pay', 'r1', 'experiment');
const met = async ({ client }: Rig) => (await client.view()).routes[0]?.attached[0]?.faults[0]?.met;
const answered = async (answer: ReturnType<typeof ask>) => {
  const seen = await answer;
  if (seen === 'broken') throw new Error('no answer');
  return seen;
};

test('each fault on the requests of an arm is felt by its users alone, counted, charged, and gone at once', async (t) => {
  const asked: string[] = [];
  const rig = await standWithArms(t, {
    experiment: (request, response) => {
      asked.push(`${request.method}`);
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json', 'x-old': 'yes', 'content-length': '4000' });
      response.end('k'.repeat(4000));
    },
  });
  await rig.client.putSlice('pay', sliceOf());
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const call = (arm: Arm = 'experiment', method = 'GET', body?: string) =>
    answered(ask(rig.port, { headers: users[arm], method, agent, ...(body === undefined ? {} : { body }) }));
  const check = () => answered(ask(rig.port, { headers: { 'x-haldane-synthetic': signed('experiment', 'check') } }));

  t.match(await call(), { status: 200, whole: true, body: /^k{4000}$/ });
  t.match(await check(), { status: 200, headers: { 'x-haldane-fault': 'no' } });
  await fault(rig, { mode: 'abort', status: 429, body: 'slow down' });
  const before = asked.length;
  t.match(await call('experiment', 'POST', 'x'.repeat(100_000)), {
    status: 429,
    body: 'slow down',
    headers: { 'content-type': 'text/plain' },
  });
  t.match(await call('control'), { status: 200, body: 'control' }, 'nobody else meets it');
  t.match(await check(), { status: 429, headers: { 'x-haldane-fault': 'yes' } });
  t.equal(await met(rig), 1, 'a check is not counted');
  t.match(await answered(ask(rig.port, { headers: { 'x-haldane-synthetic': signed('experiment', 'legitimate') } })), { status: 429 });
  await fault(rig, { mode: 'abort' });
  t.match(await call(), { status: 503, body: '' });
  await fault(rig, { mode: 'answer', body: '{"paid":true}' });
  t.match(await call(), { status: 200, body: '{"paid":true}', headers: { 'content-type': 'application/json' } });
  t.match(await call('experiment', 'HEAD'), { status: 200, body: '', headers: { 'content-length': '13' } });
  await fault(rig, { mode: 'reset' });
  t.match(await call(), { status: 502 }, 'what an arm does to its connection, the door tells its client so');
  await fault(rig, { mode: 'hang' });
  const hanging = call();
  await until(async () => (await met(rig)) === 7, 'it hangs');
  t.equal(asked.length, before, 'none of them came to the arm');
  await clear(rig);
  t.match(await hanging, { status: 502 });

  await fault(rig, { mode: 'delay', delayMs: 300_000 });
  const delayed = call('experiment', 'PUT', 'kept');
  await until(async () => (await met(rig)) === 8, 'it waits');
  await clear(rig);
  t.match(await delayed, { status: 200, whole: true }, 'what waited goes on when the fault ends');
  await fault(rig, { mode: 'garble', seed: 'a' });
  const noisy = await call();
  t.match(noisy, { status: 200, whole: true, headers: { 'content-length': '4000' } });
  t.notMatch(noisy.body, /kkkk/);
  await fault(rig, { mode: 'headers', setHeaders: [{ name: 'content-type', value: 'text/html' }], removeHeaders: ['x-old'] });
  const other = await call();
  t.match(other, { status: 200, body: /^k{4000}$/, headers: { 'content-type': 'text/html' } });
  t.notOk('x-old' in other.headers);
  for (const afterBytes of [0, 1000]) {
    await fault(rig, { mode: 'truncate', afterBytes });
    const cut = await call();
    t.same([cut.status, cut.whole, cut.body.length], [200, false, afterBytes]);
  }
  await fault(rig, { mode: 'slow', bytesPerSecond: 1 });
  const slow = call();
  await until(async () => (await met(rig)) === 13, 'it drips');
  await clear(rig);
  t.match(await slow, { whole: true, body: /^k{4000}$/ }, 'the rest comes at once when the fault ends');

  const some = { mode: 'abort', percent: 50, seed: 'b' } as const;
  await fault(rig, some);
  const got: boolean[] = [];
  for (let n = 0; n < 40; n += 1) got.push((await call()).status === 503);
  t.same(
    got,
    got.map((_, n) => meets(some, n + 1)),
    'the same seed picks the same requests',
  );
  const hit = got.filter(Boolean).length;
  t.equal(await met(rig), 13 + hit);
  const blocks = await until(async () => {
    const told = (await rig.client.telemetry('r1', 0)).blocks;
    return told.reduce((sum, block) => sum + block.met.experiment, 0) === 13 + hit ? told : null;
  }, 'told');
  t.ok(blocks.every((block) => block.met.control === 0 && block.dependencyCalls.experiment === 0));
  // What the users of the arm saw: 503, 502 twice, two broken answers, and each 503 of the percentage.
  t.equal((await rig.client.view()).routes[0]?.slices[0]?.spent, 5 + hit);

  await t.rejects(rig.client.setRequestFault('pay', 'r1', 'experiment', { mode: 'refuse' } as unknown as RequestFault), {
    code: 'bad-request',
  });
  await t.rejects(rig.client.setRequestFault('pay', 'r2', 'experiment', some), { code: 'gone', message: /not attached/ });
  await t.rejects(rig.client.setRequestFault('pay', 'r1', 'nobody' as Arm, some), { code: 'bad-request', message: /arm/ });
  await rig.client.detach('pay', 'r1');
  await rig.client.attach(rig.attachment);
  t.same((await rig.client.view()).routes[0]?.attached[0]?.faults, [], 'a fault does not outlive its run at the door');
});

test('a shield hides what a fault does to an arm, and the evidence tells it', async (t) => {
  const rig = await standWithArms(t, { experiment: (_request, response) => response.end('k'.repeat(200_000)) });
  const rules = { mode: 'shield', routes: [], key: { from: 'cookie' }, never: { keys: [], routes: [], headers: [] } } as const;
  await rig.client.putSlice('pay', sliceOf({ rules, limitMs: 4000 }));
  const faults: readonly RequestFault[] = [{ mode: 'abort' }, { mode: 'reset' }, { mode: 'hang' }, { mode: 'truncate' }];
  for (const wanted of faults) {
    await fault(rig, wanted);
    const seen = await answered(ask(rig.port, { headers: users.experiment }));
    t.same([seen.status, seen.whole, seen.body], [200, true, 'production'], wanted.mode);
  }
  await fault(rig, { mode: 'slow', bytesPerSecond: 100_000_000 });
  t.equal(
    (await answered(ask(rig.port, { headers: users.experiment }))).body.length,
    200_000,
    'a good answer that is slow is still the arm’s',
  );
  await until(async () => {
    const { blocks } = await rig.client.telemetry('r1', 0);
    return blocks.reduce((sum, block) => sum + (block.shielded?.experiment ?? 0), 0) === faults.length;
  }, 'told');
  t.equal((await rig.client.view()).routes[0]?.slices[0]?.spent, 0, 'nobody was harmed');
});

test('a copy meets the fault in the arm, and the user hears of nothing', async (t) => {
  const rig = await standWithArms(t, { experiment: (_request, response) => response.end('production') });
  const rules = { mode: 'mirror', routes: ['/list'], key: { from: 'cookie' }, never: { keys: [], routes: [], headers: [] } } as const;
  await rig.client.putSlice('pay', sliceOf({ rules, cap: 0, limitMs: 400 }));
  const asked: readonly (readonly [RequestFault | null, 'same' | 'status' | null])[] = [
    [null, 'same'],
    [{ mode: 'abort', status: 503 }, 'status'],
    [{ mode: 'reset' }, null],
    [{ mode: 'hang' }, null],
  ];
  for (const [wanted] of asked) {
    if (wanted !== null) await fault(rig, wanted);
    const seen = await answered(ask(rig.port, { path: '/list', headers: users.experiment }));
    t.same([seen.status, seen.whole, seen.body], [200, true, 'production'], wanted?.mode ?? 'no fault');
  }
  t.equal(await met(rig), 3, 'each copy that met a fault is counted');
  const told = async () => {
    const { blocks } = await rig.client.telemetry('r1', 0);
    const sum = (of: (block: (typeof blocks)[number]) => number) => blocks.reduce((all, block) => all + of(block), 0);
    return {
      same: sum(({ mirrored }) => mirrored?.experiment.same ?? 0),
      status: sum(({ mirrored }) => mirrored?.experiment.status ?? 0),
      failures: sum(({ real }) => real.experiment.failures),
    };
  };
  await until(async () => (await told()).failures === 3, 'what the arm did with the copies is told');
  t.same(await told(), { same: 1, status: 1, failures: 3 }, 'what broke is compared with nothing');
  t.equal((await rig.client.view()).routes[0]?.slices[0]?.spent, 0, 'nobody was harmed');
});

test('a request to change the protocol meets the fault too', async (t) => {
  const rig = await standWithArms(t);
  rig.experiment.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
  });
  await rig.client.putSlice('pay', sliceOf());
  const upgrade = () =>
    new Promise<string>((resolve) => {
      const socket = connect(rig.port, '127.0.0.1');
      let said = '';
      const over = () => {
        socket.destroy();
        resolve(said.split('\r\n')[0] ?? '');
      };
      socket.on('data', (piece) => {
        said += String(piece);
        if (said.includes('\r\n\r\n')) over();
      });
      socket.on('error', over);
      socket.on('close', over);
      socket.write(
        `GET / HTTP/1.1\r\nhost: pay\r\n${Object.entries(users.experiment)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join(
            '',
          )}connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
    });
  t.match(await upgrade(), /^HTTP\/1\.1 101 /);
  await fault(rig, { mode: 'abort', status: 503 });
  t.match(await upgrade(), /^HTTP\/1\.1 503 /);
  await fault(rig, { mode: 'reset' });
  t.equal(await upgrade(), '', 'it was ended without a word');
  await fault(rig, { mode: 'delay', delayMs: 30 });
  t.match(await upgrade(), /^HTTP\/1\.1 101 /);
  await until(async () => (await rig.client.view()).routes[0]?.slices[0]?.spent === 2, 'both failures are charged');
  t.equal(await met(rig), 3);
});

test('what waits for an arm when the run ends is still answered there', async (t) => {
  const rig = await standWithArms(t);
  await rig.client.putSlice('pay', sliceOf());
  await fault(rig, { mode: 'delay', delayMs: 300_000 });
  const delayed = answered(ask(rig.port, { headers: users.experiment }));
  await until(async () => (await met(rig)) === 1, 'it waits');
  await rig.client.detach('pay', 'r1');
  t.match(await delayed, { status: 200, body: 'experiment' });
});

test('a request that cannot be sent after its delay is an error of that request and not of the router', async (t) => {
  const malformed = new Error('malformed');
  const met = { fault: { mode: 'delay', delayMs: 300_000 }, n: 1, changed: AbortSignal.abort() } as const;
  const heard = await new Promise<Error>((onError) => {
    const send = () => {
      throw malformed;
    };
    sendUnderFault(met, { send, drain: () => undefined }, { onError } as AnswerReader);
  });
  t.equal(heard, malformed);
});

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { ClusterRole, DoorLimits } from '@haldane/core';
import { assign } from '@haldane/dataplane';
import { test } from 'tap';
import { certificates } from '../test/certificates.ts';
import { Agent, ask, cookie, FakeTime, newKey, secret, signed, sliceOf, stand, standWithArms, until, upstream } from '../test/stand.ts';

const spent = async (client: Awaited<ReturnType<typeof stand>>['client']) => (await client.view()).routes[0]?.slices[0]?.spent;

test('a user without a key goes to production and gets one; with it, always the same arm, the one that the key was dealt', async (t) => {
  const { client, port } = await standWithArms(t);
  await client.putSlice('pay', sliceOf({ share: 0.4 }));
  const first = await ask(port);
  if (first === 'broken') return t.fail('no answer');
  t.equal(first.body, 'production');
  const setCookie = String(first.headers['set-cookie']);
  t.match(setCookie, /^haldane_key=[0-9a-f]{32}; Path=\/; HttpOnly; SameSite=Lax$/);
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  t.teardown(() => agent.destroy());
  const seen = new Set<ClusterRole>();
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      const key = newKey();
      const dealt = assign(secret, key, 0.4);
      seen.add(dealt);
      for (let i = 0; i < 3; i += 1) {
        const answer = await ask(port, { headers: cookie(key), agent });
        if (answer === 'broken' || answer.body !== dealt || answer.headers['set-cookie'])
          t.fail(`${key}: ${JSON.stringify(answer)} instead of ${dealt}`);
      }
    }),
  );
  t.equal(seen.size, 3, 'all three clusters had users');
});

test('what a client may not say is dropped, and what is ours never reaches the service', async (t) => {
  const { port } = await standWithArms(t, {
    production: (request, response) => response.end(JSON.stringify(request.headers)),
    experiment: (request, response) => response.end(JSON.stringify({ ...request.headers, arm: 'experiment' })),
  });
  const plain = await ask(port, {
    headers: {
      cookie: `a=1; haldane_key=${newKey()}; b=2`,
      'x-haldane-synthetic': signed('experiment').replace('legitimate', 'hostile'),
      'x-haldane-other': '1',
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil',
      forwarded: 'for=6.6.6.6',
      connection: 'x-hop',
      'x-hop': '1',
      'x-kept': 'yes',
      host: 'shop.example',
    },
  });
  if (plain === 'broken') return t.fail('no answer');
  const headers = JSON.parse(plain.body) as Record<string, string>;
  t.match(headers, {
    cookie: 'a=1; b=2',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': undefined,
    forwarded: undefined,
    host: 'shop.example',
    'x-kept': 'yes',
  });
  for (const name of Object.keys(headers))
    if (name.startsWith('x-haldane-') || name === 'x-hop' || name === 'arm') t.fail(`${name} came through`);
  t.notMatch(plain.body, /6\.6\.6\.6/);

  const synthetic = await ask(port, { headers: { 'x-haldane-synthetic': signed('experiment', 'hostile') } });
  if (synthetic === 'broken') return t.fail('no answer');
  t.match(JSON.parse(synthetic.body), { arm: 'experiment' }, 'a signed one enters its arm without any slice');
  t.notMatch(synthetic.body, /x-haldane/);
  t.equal(synthetic.headers['set-cookie'], undefined);
});

test('a client that expects to be told gets the word of the service, before its body and instead of it', async (t) => {
  const told: string[] = [];
  const { port, production } = await standWithArms(t, {
    production: (request, response) => {
      told.push(`${request.headers.expect} ${request.headers['content-length'] ?? request.headers['transfer-encoding']}`);
      request.on('data', () => told.push('body'));
      request.pipe(response);
    },
  });
  let refusing = false;
  production.server.on('checkContinue', (request, response) => {
    if (refusing) return response.writeHead(413).end('too much');
    response.writeContinue();
    production.server.emit('request', request, response);
  });
  const asked = (headers: Record<string, string>) => {
    const sent = request({ host: '127.0.0.1', port, method: 'PUT', agent: false, headers: { expect: '100-continue', ...headers } });
    sent.flushHeaders();
    return sent;
  };
  for (const framing of [{ 'content-length': '4' }, { 'transfer-encoding': 'chunked' }]) {
    told.length = 0;
    const sent = asked(framing);
    await once(sent, 'continue');
    t.same(told, [`100-continue ${Object.values(framing)[0]}`], 'the service was asked, and nothing of the body was sent');
    sent.end('body');
    const [answer] = await once(sent, 'response');
    t.equal(String((await once(answer, 'data'))[0]), 'body');
  }
  refusing = true;
  const sent = asked({ 'content-length': '4' });
  let wentOn = false;
  sent.on('continue', () => {
    wentOn = true;
  });
  const [answer] = await once(sent, 'response');
  t.match([answer.statusCode, answer.headers.connection, wentOn], [413, 'close', false], 'what the service answers at once is the answer');
  answer.resume();
  await once(answer, 'end');
  t.match(await ask(port, { method: 'PUT', body: 'x' }), { status: 200, body: 'x' });
});

test('only a proxy that is trusted may say where a request is from, and only from the first stranger on', async (t) => {
  const production = await upstream(t, (request, response) => response.end(JSON.stringify(request.headers)));
  const { client } = await stand(t);
  const from = async (trustedProxies: readonly string[], headers: Record<string, string>) => {
    const { port } = await client.putRoute({ route: 'pay', port: 0, production: [production.url], trustedProxies });
    const answer = await ask(port, { headers: { host: 'shop.example', ...headers } });
    const told = answer === 'broken' ? {} : (JSON.parse(answer.body) as Record<string, string>);
    const isSecure = answer !== 'broken' && /; Secure$/.test(String(answer.headers['set-cookie']));
    t.equal(isSecure, told['x-forwarded-proto'] === 'https', 'the key goes back as it came');
    return [told['x-forwarded-for'], told['x-forwarded-proto'], told['x-forwarded-host'], told['forwarded']];
  };
  const said = {
    'x-forwarded-for': '6.6.6.6, 9.9.9.9, 10.0.0.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'public.example',
    forwarded: 'for=6.6.6.6',
  };
  t.same(await from(['10.0.0.0/8'], said), ['127.0.0.1', 'http', undefined, undefined], 'host says it, and nobody is believed');
  t.same(
    await from(['10.0.0.0/8', '127.0.0.1'], said),
    [
      '9.9.9.9, 10.0.0.7, 127.0.0.1',
      'https',
      'public.example',
      'for=9.9.9.9;host="public.example";proto=https, for=10.0.0.7, for=127.0.0.1',
    ],
    'what the stranger said himself is gone',
  );
  t.match(await from(['127.0.0.1'], { 'x-forwarded-for': 'unknown', 'x-forwarded-proto': 'ftp', 'x-forwarded-host': 'a"b' }), [
    '127.0.0.1',
    'http',
    undefined,
    undefined,
  ]);
  t.match((await from(['127.0.0.1'], { 'x-forwarded-for': '2001:db8::1', forwarded: 'proto=https' })).at(-1), /^for="\[2001:db8::1\]";/);
  await t.rejects(from(['10.0.0.0/33'], {}), { code: 'bad-request', message: /trustedProxies/ });
});

test('a door has limits: of connections, of one client, of requests under way, and of patience', async (t) => {
  const held: (() => void)[] = [];
  let gone = 0;
  const production = await upstream(t, (request, response) => {
    request.resume();
    response.on('close', () => {
      if (!response.writableFinished) gone += 1;
    });
    held.push(() => response.end('done'));
  });
  const { client } = await stand(t);
  const door = async (limits: Partial<DoorLimits>) =>
    (await client.putRoute({ route: Object.keys(limits).join('-'), port: 0, production: [production.url], limits })).port;
  const open = (port: number, text = '') =>
    new Promise<{ socket: Socket; over: Promise<string> }>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      t.teardown(() => socket.destroy());
      let said = '';
      socket.on('error', () => undefined);
      socket.on('data', (piece) => {
        said += piece;
      });
      const over = new Promise<string>((end) => socket.on('close', () => end(said)));
      socket.on('connect', () => {
        socket.write(text);
        resolve({ socket, over });
      });
    });
  for (const limit of ['connections', 'connectionsPerClient'] as const) {
    const port = await door({ [limit]: 2 });
    const [first] = [await open(port), await open(port)];
    t.equal(await (await open(port)).over, '', `${limit}: a third is ended`);
    first.socket.destroy();
    await until(async () => (await (await open(port, 'x\r\n\r\n')).over).includes('400'), 'its place is free again');
  }
  const busy = await door({ inFlight: 1 });
  const waiting = ask(busy);
  await until(() => held.length === 1, 'under way');
  t.match(await ask(busy), { status: 503, headers: { 'retry-after': '1' } });
  held.pop()?.();
  t.match(await waiting, { status: 200 });
  const roomy = await door({ inFlight: 3, connections: 9 });
  const { socket } = await open(roomy, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(3));
  await until(() => held.length === 3, 'three, of which two wait behind the first');
  socket.destroy();
  await until(() => gone === 3, 'all three are given up at the service');
  held.length = 0;
  const served = [ask(roomy), ask(roomy), ask(roomy)];
  await until(() => held.length === 3, 'no place was lost');
  for (const end of held.splice(0)) end();
  for (const answer of await Promise.all(served)) t.match(answer, { status: 200 });
  const before = gone;
  t.match(await ask(await door({ answerMs: 100 })), { status: 502 }, 'a service that thinks too long');
  await until(() => gone === before + 1, 'and it is not left to think on');
  held.length = 0;
  const patient = await door({ answerMs: 2000, connections: 99 });
  const upload = await open(patient, 'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 8\r\n\r\n');
  for (let piece = 0; piece < 8; piece += 1) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    upload.socket.write('x');
  }
  await until(() => held.length === 1, 'it came, in longer than the service may think');
  held.pop()?.();
  t.match(await upload.over, /^HTTP\/1.1 200 /, 'an upload may take its time');
  const slow = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc';
  t.match(
    await (await open(await door({ headersMs: 200 }), 'GET / HTTP/1.1\r\nhost: a\r\n')).over,
    /^HTTP\/1.1 408 /,
    'headers that never end',
  );
  t.match(await (await open(await door({ headersMs: 200, requestMs: 400 }), slow)).over, /^(HTTP\/1.1 408 |$)/, 'a body that never ends');
  t.equal(await (await open(await door({ bodyIdleMs: 200 }), slow)).over, '', 'a body that stands still');
  await (await open(await door({ keepAliveMs: 200, headersMs: 200 }))).over;
  t.pass('a connection on which nothing is asked');
});

test('a door speaks TLS, and follows its files without losing a connection or a word about keys', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'haldane-tls-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const write = (name: keyof typeof certificates) => {
    const files = { certFile: join(dir, `${name}.pem`), keyFile: join(dir, `${name}.key`) };
    writeFileSync(files.certFile, certificates[name].cert);
    writeFileSync(files.keyFile, certificates[name].key);
    return files;
  };
  const [first, second, named] = [write('first'), write('second'), write('named')];
  const production = await upstream(t, (request, response) => response.end(String(request.headers['x-forwarded-proto'])));
  const time = new FakeTime();
  const { client, router } = await stand(t, { time });
  const route = { route: 'pay', port: 0, production: [production.url], tls: { ...first, names: [{ ...named, name: '*.shop.example' }] } };
  const { port, tls } = await client.putRoute(route);
  t.match(tls, { problem: null });
  t.ok((tls?.validUntil ?? 0) > Date.now());
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  /** Who made the certificate that was served, the answer, and whether the connection was an old one. */
  const asked = (own: HttpsAgent | false = false, servername = 'localhost') =>
    new Promise<string[]>((resolve, reject) => {
      const sent = httpsGet({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, agent: own }, async (answer) => {
        const issuer = (answer.socket as TLSSocket).getPeerX509Certificate()?.issuer ?? '';
        let body = '';
        for await (const piece of answer) body += piece;
        t.match(String(answer.headers['set-cookie']), /; Secure$/);
        resolve([/of (\w+)/.exec(issuer)?.[1] ?? '', body, String(sent.reusedSocket)]);
      }).on('error', reject);
    });
  t.same(await asked(agent), ['first', 'https', 'false']);
  t.same(await asked(false, 'www.shop.example'), ['named', 'https', 'false'], 'by name');
  writeFileSync(first.certFile, readFileSync(second.certFile));
  const look = () => {
    time.pass(1000);
    router.sweep();
  };
  look();
  t.match((await client.view()).routes[0]?.tls, { problem: /first\.pem/ }, 'a certificate without its key is told');
  t.same(await asked(), ['first', 'https', 'false'], 'and not served');
  writeFileSync(first.keyFile, readFileSync(second.keyFile));
  look();
  t.match((await client.view()).routes[0]?.tls, { problem: null });
  t.same(await asked(), ['second', 'https', 'false'], 'new connections get the new one');
  t.same((await asked(agent)).slice(1), ['https', 'true'], 'one that was open stays');
  t.notMatch(JSON.stringify(await client.view()), /BEGIN/);
  await t.rejects(client.putRoute({ ...route, tls: { ...first, keyFile: second.certFile } }), { code: 'conflict' });
  await t.rejects(client.putRoute({ ...route, route: 'other', tls: { ...first, keyFile: second.certFile } }), {
    code: 'bad-request',
    message: /second\.pem are no certificate/,
  });
});

test('exposure says whose requests reach the arms', async (t) => {
  const { client, port } = await standWithArms(t);
  const key = await keyFor('experiment');
  for (const [exposure, get, post] of [
    ['synthetic', 'production', 'production'],
    ['reads', 'experiment', 'production'],
    ['all', 'experiment', 'experiment'],
  ] as const) {
    await client.putSlice('pay', sliceOf({ exposure }));
    t.match(await ask(port, { headers: cookie(key) }), { body: get }, `${exposure} GET`);
    t.match(await ask(port, { headers: cookie(key), method: 'POST', body: 'x' }), { body: post }, `${exposure} POST`);
  }
});

test('bodies stream both ways, whatever their framing', async (t) => {
  const { port } = await standWithArms(t, {
    production: (request, response) => {
      response.writeHead(201, { 'x-method': request.method ?? '' });
      request.pipe(response);
    },
  });
  const big = 'ä'.repeat(700_000);
  t.match(await ask(port, { method: 'POST', body: big, headers: { 'content-length': String(Buffer.byteLength(big)) } }), {
    status: 201,
    body: big,
  });
  t.match(await ask(port, { method: 'PUT', body: big, headers: { 'transfer-encoding': 'chunked', expect: '100-continue' } }), {
    status: 201,
    body: big,
    headers: { 'x-method': 'PUT' },
  });
  t.match(await ask(port, { method: 'DELETE' }), { status: 201, body: '' });
  t.match(await ask(port, { method: 'HEAD' }), { status: 201, body: '' });
  t.match(await ask(port, { path: 'http://other.example/a?b' }), { status: 201 }, 'a whole URL in the request line is a path');
  t.match(await ask(port, { path: '*', method: 'OPTIONS' }), { status: 400 });

  // The first bytes of an answer arrive while the rest is not there yet.
  const slow = await upstream(t, (request, response) => {
    response.write('first');
    request.on('end', () => response.end('last'));
    request.resume();
  });
  const { client } = await stand(t);
  const view = await client.putRoute({ route: 'slow', port: 0, production: [slow.url] });
  const sent = request({ host: '127.0.0.1', port: view.port, method: 'POST', agent: false, headers: { 'transfer-encoding': 'chunked' } });
  sent.write('x');
  const [answer] = await once(sent, 'response');
  const [piece] = await once(answer, 'data');
  t.equal(String(piece), 'first');
  sent.end();
  const [rest] = await once(answer, 'data');
  t.equal(String(rest), 'last');
});

test('an instance of production that refuses connections is passed over, and the request is not lost', async (t) => {
  const alive = await upstream(t, (request, response) => request.pipe(response));
  const dead = await upstream(t, () => undefined);
  dead.server.close();
  const { client } = await stand(t);
  const { port } = await client.putRoute({ route: 'pay', port: 0, production: [dead.url, alive.url] });
  for (let i = 0; i < 6; i += 1) t.match(await ask(port, { method: 'POST', body: `n${i}` }), { status: 200, body: `n${i}` });
  t.same(
    (await client.view()).routes[0]?.production.map((instance) => instance.healthy),
    [false, true],
  );
  await client.putRoute({ route: 'pay', port: 0, production: [dead.url] });
  t.match(await ask(port), { status: 502 }, 'with none alive the client is told');
});

test('a truncated answer never looks whole and is charged', async (t) => {
  for (const head of ['content-length: 100', 'transfer-encoding: chunked']) {
    await t.test(head, async (t) => {
      const { client, port } = await standWithArms(t, {
        experiment: (_request, response) => {
          const socket = response.socket;
          socket?.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${head.startsWith('t') ? '4\r\nhalf\r\n' : 'half'}`, () => socket.destroy());
        },
      });
      await client.putSlice('pay', sliceOf());
      const answer = await ask(port, { headers: cookie(await keyFor('experiment')) });
      t.ok(answer === 'broken' || !answer.whole, 'the client knows');
      t.equal(await until(() => spent(client), 'charged'), 1);
    });
  }
});

test('a client that leaves ends the call to the service, and is charged if it left before the limit', async (t) => {
  let closed = 0;
  const hold = await standWithArms(t, {
    experiment: (request) => {
      request.on('close', () => {
        closed += 1;
      });
    },
  });
  await hold.client.putSlice('pay', sliceOf());
  const key = await keyFor('experiment');
  let arrived = false;
  hold.experiment.server.once('request', () => {
    arrived = true;
  });
  const leaving = ask(hold.port, {
    headers: cookie(key),
    begun: (sent) => void until(() => arrived, 'arrived').then(() => sent.destroy()),
  });
  t.equal(await leaving, 'broken');
  await until(() => closed === 1, 'the instance saw the end');
  t.equal(await until(() => spent(hold.client), 'charged'), 1);
});

test('a denial hurts a user who was let in before, not a stranger', async (t) => {
  let status = 401;
  const { client, port } = await standWithArms(t, { control: (_request, response) => response.writeHead(status).end() });
  await client.putSlice('pay', sliceOf());
  const known = await keyFor('control');
  await ask(port, { headers: cookie(known) });
  t.equal(await spent(client), 0, 'never let in: an answer');
  status = 200;
  await ask(port, { headers: cookie(known) });
  status = 403;
  await ask(port, { headers: cookie(known) });
  t.equal(await until(() => spent(client), 'charged'), 1, 'let in before: a failure');
});

test('seconds close a quarter of a second after their end and tell what happened in them', async (t) => {
  const time = new FakeTime();
  time.wall = 1_800_000_000_100;
  let status = 200;
  const { client, port } = await standWithArms(t, { experiment: (_request, response) => response.writeHead(status).end() }, { time });
  await client.putSlice('pay', sliceOf({ cap: 2 }));
  const experiment = await keyFor('experiment');
  await ask(port, { headers: cookie(await keyFor('control')) });
  await ask(port, { headers: cookie(experiment) });
  status = 500;
  await ask(port, { headers: cookie(experiment) });
  await ask(port, { headers: { 'x-haldane-synthetic': signed('experiment') } });
  await ask(port);
  time.wall = 1_800_000_001_249;
  t.same((await client.telemetry('r1', 0)).blocks, [], 'not yet');
  time.wall = 1_800_000_001_250;
  const { blocks, attached } = await client.telemetry('r1', 0);
  t.equal(attached, true);
  t.match(blocks, [
    {
      at: 1_800_000_000,
      real: {
        production: { requests: 1 },
        control: { requests: 1, failures: 0 },
        experiment: { requests: 2, failures: 1, classes: [1, 0, 0, 0, 0, 0, 1, 0] },
      },
      keys: { control: 1, experiment: 1 },
      failedKeys: { control: 0, experiment: 1 },
      switched: 0,
      budget: { spent: 1, cap: 2, credit: 0 },
      narrowed: false,
    },
  ]);
  t.equal(
    blocks[0]?.latency.experiment.reduce((sum, [, count]) => sum + count, 0),
    2,
  );
  await ask(port, { headers: cookie(experiment) });
  await ask(port, { headers: cookie(experiment) });
  time.wall = 1_800_000_004_250;
  const more = (await client.telemetry('r1', 1_800_000_000)).blocks;
  t.same(
    more.map((block) => [block.at, block.narrowed, block.budget.spent]),
    [
      [1_800_000_001, true, 2],
      [1_800_000_002, false, 2],
      [1_800_000_003, false, 2],
    ],
    'the one that the budget held back went to production and marked its second; empty seconds are told too',
  );
  t.equal(more[0]?.real.production.requests, 1);
});

test('a request that comes again by its idempotency key is charged, and is no second piece of evidence', async (t) => {
  const time = new FakeTime();
  time.wall = 1_800_000_000_100;
  const stood = await standWithArms(t, { experiment: (_request, response) => response.writeHead(500).end() }, { time });
  const { client, port, attachment } = stood;
  const second = await upstream(t, (_request, response) => response.end('experiment'));
  await client.attach({ ...attachment, arms: { ...attachment.arms, experiment: [stood.experiment.url, second.url] } });
  await client.putSlice('pay', sliceOf());
  const user = cookie(await keyFor('experiment'));
  const other = cookie(await keyFor('experiment'));
  // Taken in turn, so that of two in a row one meets the instance that fails.
  for (const headers of [user, user]) await ask(port, { method: 'POST', headers: { ...headers, 'idempotency-key': 'order-7' } });
  await ask(port, { method: 'POST', headers: { ...user, 'idempotency-key': 'order-8' } });
  await ask(port, { method: 'POST', headers: { ...other, 'idempotency-key': 'order-7' } });
  await ask(port, { method: 'DELETE', headers: { ...user, 'idempotency-key': 'order-7' } });
  for (const headers of [user, user]) await ask(port, { method: 'POST', headers });
  time.wall = 1_800_000_001_250;
  const [block] = (await client.telemetry('r1', 0)).blocks;
  t.same(block?.retries, { control: 0, experiment: 1 }, 'the same user, method, path and key; without a key nobody can tell');
  t.equal(block?.real.experiment.requests, 6);
  t.equal(
    block?.latency.experiment.reduce((sum, [, count]) => sum + count, 0),
    6,
  );
  const spentIn = block?.byInstance?.experiment ?? [];
  t.equal(spentIn.length, 2);
  t.equal(
    spentIn.reduce((sum, { requests }) => sum + requests, 0),
    6,
    'each answer belongs to one instance',
  );
  t.equal(
    spentIn.reduce((sum, { failures }) => sum + failures, 0),
    block?.real.experiment.failures,
  );
  t.same(
    spentIn.map(({ failures, requests }) => failures === 0 || failures === requests),
    [true, true],
    'one of them always fails, the other never',
  );
  t.equal(block?.byInstance?.control.length, 0);
  t.ok((block?.budget.spent ?? 0) >= 3 && (block?.budget.spent ?? 0) <= 4, 'seven requests, every second of which fails, retry or not');
});

test('effects end with their lease by either clock, and nothing brings them back', async (t) => {
  for (const way of ['the wall clock passes', 'the wall clock is set back'] as const) {
    await t.test(way, async (t) => {
      const time = new FakeTime();
      const { client, router, port, attachment, production } = await standWithArms(t, {}, { time });
      await client.putSlice('pay', sliceOf());
      const proxy = await client.putProxy({
        proxy: 'p',
        runId: 'r1',
        arm: 'experiment',
        dependency: 'd',
        as: 'http',
        target: production.url,
        until: time.now() + 60_000,
      });
      await client.setFault('p', { mode: 'abort' });
      const key = await keyFor('experiment');
      t.match(await ask(port, { headers: cookie(key) }), { body: 'experiment' });
      t.match(await ask(proxy.port), { status: 503 });
      time.pass(59_000);
      await client.renew('r1', time.now() + 10_000);
      time.pass(9_999);
      t.match(await ask(port, { headers: cookie(key) }), { body: 'experiment' }, 'renewed');
      if (way === 'the wall clock passes') time.wall += 1;
      else {
        time.wall -= 3_600_000;
        time.run += 1;
      }
      t.match(await ask(port, { headers: cookie(key) }), { body: 'production' }, 'no timer was needed');
      const late = await ask(port, { headers: { ...cookie(key), 'x-haldane-synthetic': signed('experiment') } });
      t.match(late, { status: 410 }, "a synthetic request that comes too late is nobody's, and never production's");
      router.sweep();
      await until(async () => (await ask(proxy.port)) === 'broken', 'the proxy is closed');
      await client.renew('r1', time.now() + 60_000);
      const view = await client.view();
      t.same([view.routes[0]?.attached, view.routes[0]?.slices, view.proxies], [[], [], []]);
      t.equal((await client.telemetry('r1', 0)).attached, false);
      await t.rejects(client.putSlice('pay', sliceOf()), { code: 'gone' });
      await client.attach({ ...attachment, until: time.now() + 1000 });
      t.match(await ask(port, { headers: cookie(key) }), { body: 'production' }, 'the slice does not come back with the attachment');
    });
  }
});

test('a door that is not for good turns a balancer away when no run is attached for long, and closes when users had time to go elsewhere', async (t) => {
  const time = new FakeTime();
  const { client, router, port, attachment, production } = await standWithArms(t, {}, { time });
  const config = { route: 'pay', port, production: [production.url] };
  const check = { headers: { 'user-agent': 'ELB-HealthChecker/2.0' } };
  const pass = (ms: number) => {
    time.pass(ms);
    router.sweep();
  };
  await client.putRoute({ ...config, unattended: { afterMs: 180_000, checkedBy: 'ELB-HealthChecker/' } });
  for (let minute = 0; minute < 10; minute += 1) {
    await client.renew('r1', time.now() + 60_001);
    pass(60_000);
  }
  t.match(await ask(port, check), { body: 'production' }, 'as long as a run is attached it is well');
  pass(60_000);
  pass(179_999);
  t.match(await ask(port, check), { body: 'production' });
  pass(1);
  t.match(await ask(port, check), { status: 503 });
  t.match(await ask(port), { body: 'production' }, 'and whoever still comes is served');
  await client.attach({ ...attachment, until: time.now() + 1000 });
  t.match(await ask(port, check), { body: 'production' }, 'a run is attached');
  pass(1000);
  pass(239_999);
  t.match(await ask(port), { body: 'production' });
  pass(1);
  t.equal(await ask(port), 'broken');
  t.same((await client.view()).routes, []);
  await client.putRoute(config);
  pass(86_400_000);
  t.match(await ask(port, check), { body: 'production' }, 'one that is for good stays');
});

test('an upgrade is tunnelled to the cluster of its user, and one that breaks is charged', async (t) => {
  const { client, port, experiment } = await standWithArms(t);
  experiment.server.on('upgrade', (request, socket) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nx-key: ${request.headers['sec-websocket-key']}\r\nx-name: schön\r\n\r\n`,
      'latin1',
    );
    socket.on('data', (piece) =>
      String(piece) === 'break'
        ? (socket as Socket).resetAndDestroy()
        : String(piece) === 'end'
          ? socket.end('bye')
          : socket.write(`echo ${piece}`),
    );
    socket.on('error', () => undefined);
  });
  await client.putSlice('pay', sliceOf());
  const headers = { ...cookie(await keyFor('experiment')), connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'k1' };
  const open = async () => {
    const sent = request({ host: '127.0.0.1', port, headers, agent: false }).end();
    const [answer, socket] = await once(sent, 'upgrade');
    socket.on('error', () => undefined);
    return { answer, socket };
  };
  const good = await open();
  t.equal(good.answer.headers['x-key'], 'k1');
  t.equal(good.answer.headers['x-name'], 'schön', 'byte by byte as the instance wrote it');
  good.socket.write('hello');
  t.equal(String((await once(good.socket, 'data'))[0]), 'echo hello');
  await client.deleteSlice('pay', 'r1', 'main');
  good.socket.write('still here');
  t.equal(String((await once(good.socket, 'data'))[0]), 'echo still here', 'a slice that ends does not cut it');
  good.socket.write('end');
  await once(good.socket, 'close');
  await client.putSlice('pay', sliceOf());
  t.equal(await spent(client), 0);
  const bad = await open();
  bad.socket.write('break');
  await once(bad.socket, 'close');
  t.equal(await until(() => spent(client), 'charged'), 1);
  const refused = request({
    host: '127.0.0.1',
    port,
    headers: { ...headers, 'x-haldane-synthetic': signed('control') },
    agent: false,
  }).end();
  const [answer] = await once(refused, 'response');
  t.equal(answer.statusCode, 200, 'a server that does not upgrade answers as usual');
  answer.destroy();
});

test('real requests are told as long as they are in an arm, and can be cut off, which is charged', async (t) => {
  const { client, port, experiment } = await standWithArms(t, {
    experiment: (request, response) => {
      if (request.url === '/half') response.write('half');
    },
  });
  experiment.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
  });
  const inArms = async () => (await client.view()).routes[0]?.inFlight;
  // The second is charged when it is late, and is still there after that.
  await client.putSlice('pay', sliceOf({ limitMs: 50 }));
  const headers = cookie(await keyFor('experiment'));
  const open = [ask(port, { headers }), ask(port, { headers, path: '/half' })];
  const sent = request({
    host: '127.0.0.1',
    port,
    headers: { ...headers, connection: 'Upgrade', upgrade: 'websocket' },
    agent: false,
  }).end();
  const [, socket] = await once(sent, 'upgrade');
  socket.on('error', () => undefined);
  let syntheticEnded = false;
  const synthetic = ask(port, {
    headers: { 'x-haldane-synthetic': signed('experiment') },
    begun: (asked) => t.teardown(() => asked.destroy()),
  });
  void synthetic.then(() => {
    syntheticEnded = true;
  });
  await until(async () => (await spent(client)) === 2, 'both are late');
  const three = [{ runId: 'r1', slice: 'main', requests: 3 }];
  t.same(await inArms(), three, 'a request and an answer without end and a tunnel, but no synthetic request');
  await client.deleteSlice('pay', 'r1', 'main');
  t.same(await inArms(), three, 'the slice is gone, its users are not');
  await client.cutSlice('pay', 'r1', 'other');
  t.same(await inArms(), three, 'they are not of another slice');
  await client.detach('pay', 'r1');
  t.same(await inArms(), three, 'the run is gone, its users are not');

  const closed = once(socket, 'close');
  await client.cutSlice('pay', 'r1', 'main');
  t.same(await inArms(), []);
  t.equal(await open[0], 'broken');
  t.match(await open[1], { whole: false });
  await closed;
  await client.attach({
    runId: 'r1',
    route: 'pay',
    arms: { control: [experiment.url], experiment: [experiment.url] },
    secret,
    until: Date.now() + 60_000,
  });
  await client.putSlice('pay', sliceOf());
  t.equal(await spent(client), 3, 'the tunnel that was cut is a failure; what was late is not counted twice');
  await client.cutSlice('pay', 'r1', 'main');
  t.same((await client.view()).routes[0]?.slices, [], 'a cut without anybody to cut is a delete');
  t.notOk(syntheticEnded, 'the synthetic request was left alone');
});

test('a route whose port is still taken after a restart is served as soon as that port is free', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'haldane-router-'));
  t.teardown(() => rmSync(stateDir, { recursive: true, force: true }));
  const production = await upstream(t, (_request, response) => response.end('production'));
  const first = await stand(t, { stateDir });
  const { port } = await first.client.putRoute({ route: 'pay', port: 0, production: [production.url] });
  await first.router.stop();
  const holder = createServer().listen(port, '127.0.0.1');
  await once(holder, 'listening');
  const warnings: string[] = [];
  await stand(t, {
    stateDir,
    warn: (message) => {
      warnings.push(message);
      holder.close();
    },
  });
  t.match(warnings, [/route pay: port \d+ is still taken, trying again/]);
  t.match(await ask(port), { body: 'production' });
});

test('the admin interface answers only who holds the token, and data ports have none of it', async (t) => {
  const { router, client, port } = await standWithArms(t);
  const admin = router.adminPort;
  t.match(await ask(admin, { path: '/healthz' }), { status: 200 });
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'a-token-for-tests-only' }]) {
    t.match(await ask(admin, { path: '/view', headers }), { status: 401, body: /unauthorised/ });
  }
  const headers = { authorization: 'Bearer a-token-for-tests-only' };
  t.match(await ask(admin, { path: '/nothing', headers }), { status: 404, body: /not-found/ });
  t.match(await ask(admin, { path: '/routes/x', method: 'PUT', headers, body: '{"secret":"hunter2"' }), { status: 400 });
  t.notMatch(await ask(admin, { path: '/routes/x', method: 'PUT', headers, body: '{"secret":"hunter2"' }), { body: /hunter2/ });
  t.match(
    await ask(admin, {
      path: '/routes/x',
      method: 'PUT',
      headers,
      body: JSON.stringify({ route: 'y', port: 0, production: ['http://127.0.0.1:1'] }),
    }),
    { status: 400, body: /agree/ },
  );
  const large = await ask(admin, { path: '/routes/x', method: 'PUT', headers, body: `"${'x'.repeat(1_200_000)}"` });
  t.ok(large === 'broken' || large.status === 400, 'a body without end is refused');
  t.match(await ask(port, { path: '/view', headers }), { body: 'production' }, 'a route knows no admin path');
  t.notMatch(JSON.stringify(await client.view()), secret, 'the secret is never told back');
  await client.deleteRoute('nothing');
  await client.detach('pay', 'nothing');
  await client.deleteSlice('pay', 'r1', 'nothing');
  await client.deleteProxy('nothing');
  await client.clearFault('nothing');
  await client.renew('nothing', 5);
  await t.rejects(client.setFault('nothing', { mode: 'hang' }), { code: 'gone' });
  await t.rejects(client.telemetry('nothing', 0), { code: 'gone' });
});

test('a router lets what is in flight finish before it ends', async (t) => {
  let finish: (() => void) | null = null;
  const slow = await upstream(t, (_request, response) => {
    finish = () => response.end('whole');
    response.write('the ');
  });
  const { client, router } = await stand(t, { drainMs: 10_000 });
  const { port } = await client.putRoute({ route: 'pay', port: 0, production: [slow.url] });
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const asked = ask(port, { agent });
  const release = await until<(() => void) | null>(() => finish, 'arrived');
  await client.drain();
  await until(
    () =>
      new Promise<boolean>((resolve) => {
        const probe = connect(port, '127.0.0.1', () => resolve(false));
        probe.on('error', () => resolve(true));
        probe.on('connect', () => probe.destroy());
      }),
    'nothing new is taken',
  );
  release();
  t.match(await asked, { body: 'the whole', whole: true });
  await router.stopped;
});

/** A key that this run deals to the arm when each has half. */
async function keyFor(arm: 'control' | 'experiment'): Promise<string> {
  return until(() => {
    const key = newKey();
    return assign(secret, key, 0.5) === arm ? key : null;
  }, 'a key for an arm');
}

import { once } from 'node:events';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { rootCertificates, type TLSSocket } from 'node:tls';
import { test } from 'tap';
import { certificates } from '../../test/certificates.ts';
import { Agent, ask, signed, standWithArms, until, upstream } from '../../test/stand.ts';
import { delayOf, meets } from '../fault/fault-draw.ts';

type Rig = Awaited<ReturnType<typeof standWithArms>>;
const lasting = { runId: 'r1', arm: 'experiment' as const, dependency: 'idp' };
/** Resolves when it is closed, broken or not. */
const closing = (socket: Socket) => new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
const seen = async (client: Rig['client'], proxy = 'p') => {
  const view = (await client.view()).proxies.find((each) => each.proxy === proxy);
  return [view?.calls, view?.met];
};

test('each fault on an http dependency is felt, counted and gone at once, on the same connection', async (t) => {
  const rig = await standWithArms(t);
  const calls: string[] = [];
  const target = await upstream(t, (request, response) => {
    calls.push(`${request.method} ${request.url} ${request.headers.host}`);
    if (Object.keys(request.headers).some((name) => name.startsWith('x-haldane'))) calls.push('leaked');
    response.setHeader('x-from', 'target');
    request.pipe(response);
  });
  const proxy = await rig.client.putProxy({
    ...lasting,
    proxy: 'p',
    as: 'http',
    target: `${target.url}/base/`,
    until: Date.now() + 60_000,
  });
  const again = await rig.client.putProxy({
    ...lasting,
    proxy: 'p',
    as: 'http',
    target: `${target.url}/base/`,
    until: Date.now() + 60_000,
  });
  t.equal(again.port, proxy.port, 'putting it again finds it');
  await t.rejects(rig.client.putProxy({ ...lasting, proxy: 'p', as: 'http', target: 'http://127.0.0.1:1', until: Date.now() + 60_000 }), {
    code: 'conflict',
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const call = () => ask(proxy.port, { agent, path: '/keys?a=b', method: 'POST', body: 'question' });
  const check = { 'x-haldane-check': signed('experiment', 'check') };

  t.match(await call(), { status: 200, body: 'question', headers: { 'x-from': 'target' } });
  t.same(calls, [`POST /base/keys?a=b 127.0.0.1:${target.port}`], 'the path is appended, the host is its own');
  t.match(await ask(proxy.port, { headers: check }), { status: 200, headers: { 'x-haldane-fault': 'no' } });
  t.same(await seen(rig.client), [1, 0], 'a check is not counted');
  t.match(await ask(proxy.port, { headers: { 'x-haldane-check': signed('experiment', 'hostile') } }), { headers: {} });
  t.same(await seen(rig.client), [2, 0], 'what was not signed as a check is');
  t.notOk(calls.includes('leaked'));

  await rig.client.setFault('p', { mode: 'abort', status: 429, body: 'slow down' });
  t.match(await call(), { status: 429, body: 'slow down' });
  t.match(await ask(proxy.port, { headers: check }), { status: 429, headers: { 'x-haldane-fault': 'yes' } });
  await rig.client.setFault('p', { mode: 'abort' });
  t.match(await call(), { status: 503 });
  await rig.client.setFault('p', { mode: 'answer', body: '{"keys":[]}' });
  t.match(await call(), { status: 200, body: '{"keys":[]}', headers: { 'content-type': 'application/json' } });
  await rig.client.setFault('p', { mode: 'reset' });
  t.equal(await call(), 'broken');
  t.same(await seen(rig.client), [6, 4]);

  await rig.client.clearFault('p');
  t.match(await call(), { status: 200 });
  await rig.client.setFault('p', { mode: 'refuse' });
  t.equal(await call(), 'broken', 'also on a connection that was open');
  t.equal(await call(), 'broken', 'and on a new one');
  t.same(await seen(rig.client), [9, 6]);
  await rig.client.clearFault('p');

  const before = calls.length;
  await rig.client.setFault('p', { mode: 'hang' });
  const hanging = call();
  await until(async () => (await seen(rig.client))[1] === 7, 'it hangs');
  await rig.client.clearFault('p');
  t.equal(await hanging, 'broken', 'what hung is reset when the fault ends');
  t.equal(calls.length, before, 'and never reached the dependency');

  await rig.client.setFault('p', { mode: 'delay', delayMs: 300_000 });
  const delayed = call();
  await until(async () => (await seen(rig.client))[1] === 8, 'it waits');
  await rig.client.clearFault('p');
  t.match(await delayed, { status: 200, body: 'question' }, 'what waited goes on when the fault ends');
  await rig.client.setFault('p', { mode: 'delay', delayMs: 60 });
  const began = performance.now();
  t.match(await call(), { status: 200, body: 'question' });
  t.ok(performance.now() - began >= 55, 'it was delayed');

  const blocks = await until(async () => {
    const told = (await rig.client.telemetry('r1', 0)).blocks;
    return told.reduce((sum, block) => sum + block.met.experiment, 0) === 9 ? told : null;
  }, 'told');
  t.equal(
    blocks.reduce((sum, block) => sum + block.dependencyCalls.experiment, 0),
    12,
  );
  t.equal(
    blocks.reduce((sum, block) => sum + block.dependencyCalls.control, 0),
    0,
  );
  await rig.client.setFault('p', { mode: 'hang' });
  const last = call();
  await until(async () => (await seen(rig.client))[1] === 10, 'it hangs');
  await rig.client.deleteProxy('p');
  t.equal(await last, 'broken');
  t.equal(await call(), 'broken', 'a fault outlives its proxy in no way');
  t.same((await rig.client.view()).proxies, []);
});

test('a percentage of calls meets the fault, the same ones for the same seed', async (t) => {
  const picked = (seed: string) => Array.from({ length: 4000 }, (_, n) => meets({ mode: 'abort', percent: 25, seed }, n));
  t.same(picked('a'), picked('a'));
  t.notSame(picked('a'), picked('b'));
  const share = picked('a').filter(Boolean).length / 4000;
  t.ok(Math.abs(share - 0.25) < 0.04, `${share} of the calls`);
  t.notOk(meets({ mode: 'abort', percent: 0 }, 1));
});

test('a tcp dependency can be refused, reset, held and delayed, open connections included', async (t) => {
  const rig = await standWithArms(t);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const proxy = await rig.client.putProxy({
    ...lasting,
    proxy: 'db',
    as: 'tcp',
    target: `postgres://user:pw@127.0.0.1:${port}/x`,
    until: Date.now() + 60_000,
  });
  t.notMatch(JSON.stringify(await rig.client.view()), /user:pw/);
  for (const mode of ['abort', 'answer'] as const)
    await t.rejects(rig.client.setFault('db', { mode }), { code: 'bad-request', message: /refuse, reset, hang or delay/ });
  const open = async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      socket.once('connect', () => resolve());
      socket.once('close', () => resolve());
    });
    return socket;
  };
  const echo = async (socket: Awaited<ReturnType<typeof open>>, text: string) => {
    socket.write(text);
    return String((await once(socket, 'data'))[0]);
  };
  const first = await open();
  t.equal(await echo(first, 'one'), 'one');
  for (const mode of ['reset', 'refuse'] as const) {
    const socket = await open();
    t.equal(await echo(socket, mode), mode);
    const closed = closing(socket);
    await rig.client.setFault('db', { mode });
    await closed;
    const next = await open();
    await closing(next);
    t.pass(`${mode} ends open and new connections`);
    await rig.client.clearFault('db');
  }
  const held = await open();
  t.equal(await echo(held, 'a'), 'a');
  await rig.client.setFault('db', { mode: 'delay', delayMs: 60 });
  const began = performance.now();
  t.equal(await echo(held, 'b'), 'b');
  t.ok(performance.now() - began >= 55);
  await rig.client.setFault('db', { mode: 'hang' });
  let silent = true;
  held.on('data', () => {
    silent = false;
  });
  held.write('c');
  const closed = closing(held);
  await rig.client.clearFault('db');
  await closed;
  t.ok(silent, 'what hung was never answered, and ended with the fault');
  const whole = await open();
  whole.end('last words');
  t.equal(String((await once(whole, 'data'))[0]), 'last words', 'a half-closed connection still gets its answer');
  await closing(whole);
  await rig.client.deleteProxy('db');
});

test('https ends at the proxy with the certificate it was given, and goes on only to a dependency that can be verified', async (t) => {
  const rig = await standWithArms(t);
  const target = await upstream(t, (_request, response) => response.end('keys'));
  const tls = { cert: certificate, key: privateKey };
  await t.rejects(rig.client.putProxy({ ...lasting, proxy: 's0', as: 'https', target: target.url, until: Date.now() + 60_000 }), {
    code: 'bad-request',
    message: /tls/,
  });
  const outer = await rig.client.putProxy({ ...lasting, proxy: 's1', as: 'https', target: target.url, tls, until: Date.now() + 60_000 });
  const call = (port: number) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      httpsGet({ host: '127.0.0.1', port, path: '/', ca: certificate, agent: false }, async (answer) => {
        let body = '';
        for await (const piece of answer) body += piece;
        resolve({ status: answer.statusCode ?? 0, body });
      }).on('error', reject);
    });
  t.same(await call(outer.port), { status: 200, body: 'keys' });
  await rig.client.setFault('s1', { mode: 'abort', status: 503 });
  t.match(await call(outer.port), { status: 503 });
  await rig.client.setFault('s1', { mode: 'reset' });
  await t.rejects(call(outer.port));
  await rig.client.setFault('s1', { mode: 'refuse' });
  await t.rejects(call(outer.port));
  await rig.client.clearFault('s1');
  const doubting = await rig.client.putProxy({
    ...lasting,
    proxy: 's2',
    as: 'https',
    target: `https://127.0.0.1:${outer.port}`,
    tls,
    until: Date.now() + 60_000,
  });
  t.match(await call(doubting.port), { status: 502 }, 'a certificate of its own making is not trusted');
  const inner = { ...lasting, as: 'https', target: `https://127.0.0.1:${outer.port}`, tls, until: Date.now() + 60_000 } as const;
  const trusting = await rig.client.putProxy({ ...inner, proxy: 's3', trust: certificate });
  t.same(await call(trusting.port), { status: 200, body: 'keys' }, 'unless it is said to be');
  const elsewhere = await rig.client.putProxy({ ...inner, proxy: 's4', trust: rootCertificates[0] ?? '' });
  t.match(await call(elsewhere.port), { status: 502 }, 'trusting somebody else is not trusting everybody');
  await t.rejects(rig.client.putProxy({ ...inner, proxy: 's5', trust: 'hunter2' }), { code: 'bad-request', message: /proxy\.trust/ });
  t.notMatch(JSON.stringify(await rig.client.view()), /BEGIN/);
});

test('an answer can come slowly, in part, as noise or under other headers, and every drawn delay is drawn again by its seed', async (t) => {
  const rig = await standWithArms(t);
  let calls = 0;
  const target = await upstream(t, (request, response) => {
    calls += 1;
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', 'x-old': 'yes', 'content-length': '4000' });
    response.end('k'.repeat(4000));
  });
  const { port } = await rig.client.putProxy({ ...lasting, proxy: 'p', as: 'http', target: target.url, until: Date.now() + 60_000 });
  const call = async (method = 'GET') => {
    const answer = await ask(port, { method });
    if (answer === 'broken') throw new Error('no answer');
    return answer;
  };
  await rig.client.setFault('p', { mode: 'garble', seed: 'a' });
  const noisy = await call();
  t.match(noisy, { status: 200, whole: true, headers: { 'content-type': 'application/json', 'content-length': '4000' } });
  t.notMatch(noisy.body, /kkkk/);

  await rig.client.setFault('p', {
    mode: 'headers',
    setHeaders: [{ name: 'content-type', value: 'text/html' }],
    removeHeaders: ['x-old'],
  });
  const other = await call();
  t.match(other, { status: 200, body: /^k{4000}$/, headers: { 'content-type': 'text/html' } });
  t.notOk('x-old' in other.headers);
  await t.rejects(rig.client.setFault('p', { mode: 'headers', setHeaders: [{ name: 'content-length', value: '1' }] }), {
    code: 'bad-request',
  });

  await rig.client.setFault('p', { mode: 'truncate', afterBytes: 1000 });
  t.match(await call(), { status: 200, whole: false, body: /^k{1000}$/ });
  await rig.client.setFault('p', { mode: 'truncate' });
  t.match(await call(), { status: 200, whole: false, body: '' }, 'headers and nothing else');

  await rig.client.setFault('p', { mode: 'slow', bytesPerSecond: 20_000 });
  const began = performance.now();
  t.match(await call(), { status: 200, whole: true, body: /^k{4000}$/ });
  t.ok(performance.now() - began >= 150, 'in four pieces');
  await rig.client.setFault('p', { mode: 'slow', bytesPerSecond: 1 });
  const slow = call();
  await until(async () => (await seen(rig.client))[1] === 6, 'it drips');
  await rig.client.clearFault('p');
  t.match(await slow, { whole: true, body: /^k{4000}$/ }, 'the rest comes at once when the fault ends');

  const before = calls;
  await rig.client.setFault('p', { mode: 'repeat', times: 3 });
  t.match(await call(), { status: 200, whole: true });
  await until(() => calls === before + 4, 'the dependency was asked four times');
  t.same(await seen(rig.client), [7, 7], 'the caller once');

  const mean = { mode: 'delay', delayMs: 100, spreadMs: 40, seed: 'a' } as const;
  for (const delay of ['uniform', 'normal', 'exponential'] as const) {
    const drawn = Array.from({ length: 4000 }, (_, n) => delayOf({ ...mean, delay }, n));
    t.same(
      drawn,
      Array.from({ length: 4000 }, (_, n) => delayOf({ ...mean, delay }, n)),
    );
    const average = drawn.reduce((sum, each) => sum + each, 0) / 4000;
    t.ok(Math.abs(average - 100) < 8, `${delay}: ${average.toFixed(1)} on average`);
    t.ok(Math.min(...drawn) >= (delay === 'uniform' ? 60 : 0) && Math.max(...drawn) <= (delay === 'uniform' ? 140 : 5000));
  }
});

test('a caller that checks certificates notices a wrong name and one whose time is over, also on connections that were open', async (t) => {
  const rig = await standWithArms(t);
  const target = await upstream(t, (_request, response) => response.end('keys'));
  // Not what the modes say, but what the proxy was given for them: that it serves the right one is what is tested here.
  const tls = { cert: certificate, key: privateKey, wrongName: certificates.first, expired: certificates.second };
  const proxy = await rig.client.putProxy({ ...lasting, proxy: 's', as: 'https', target: target.url, tls, until: Date.now() + 60_000 });
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const served = () =>
    new Promise<string>((resolve, reject) => {
      httpsGet({ host: '127.0.0.1', port: proxy.port, rejectUnauthorized: false, agent }, (answer) => {
        const issuer = (answer.socket as TLSSocket).getPeerX509Certificate()?.issuer ?? '';
        answer.resume().on('end', () => resolve(/of (\w+)/.exec(issuer)?.[1] ?? 'its own'));
      }).on('error', reject);
    });
  const again = () => until(() => served().catch(() => null), 'a connection');
  t.equal(await served(), 'its own');
  await rig.client.setFault('s', { mode: 'wrong-name' });
  t.equal(await again(), 'first');
  await rig.client.setFault('s', { mode: 'expired' });
  t.equal(await again(), 'second');
  await rig.client.clearFault('s');
  t.equal(await again(), 'its own');
  const [, met] = await seen(rig.client, 's');
  t.ok((met ?? 0) >= 2, `${met} connections met it`);
  await t.rejects(rig.client.setFault('s', { mode: 'expired', percent: 50 }), { code: 'bad-request', message: /percent/ });
  await rig.client.putProxy({ ...lasting, proxy: 'plain', as: 'http', target: target.url, until: Date.now() + 60_000 });
  await t.rejects(rig.client.setFault('plain', { mode: 'expired' }), { code: 'bad-request', message: /no such certificate/ });
});

// Made for these tests alone: 127.0.0.1, self-signed, valid for a century.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUa2E4weYueh3PadpRFXLyGC3plIMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMjEwMDczMloYDzIxMjYxMDI5
MTAwNzMyWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARNGMKxAJQjZ+jnMUoiyphsshuXQME/iITbCZOD2m0ql4EvoRomrDzD
KuUeOvW5+ISa5o3xQy0u7Obn3hjBgkEeo2QwYjAdBgNVHQ4EFgQUfrsEHEsR7DeT
HaW/yimgiUeVsnEwHwYDVR0jBBgwFoAUfrsEHEsR7DeTHaW/yimgiUeVsnEwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQC
IDjS7AloAvqwIDCcLg24VmMbL/TGUqs+v7T84zazGsE9AiBVsKRXY52EzZiWCkQA
hUbCvWeOMPUqpjGcclcwpUa+oQ==
-----END CERTIFICATE-----
`;
const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDN0HQk21khNrWbqQ
cxahoCiU2sq5b2bXCVjBrz6nUhmhRANCAARNGMKxAJQjZ+jnMUoiyphsshuXQME/
iITbCZOD2m0ql4EvoRomrDzDKuUeOvW5+ISa5o3xQy0u7Obn3hjBgkEe
-----END PRIVATE KEY-----
`;

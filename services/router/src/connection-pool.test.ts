import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { ConnectionPool } from './connection-pool.ts';
import type { AnswerReader } from './door/answer-reader.ts';

async function instance(t: Test, listener: RequestListener, port = 0): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer(listener);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function poolFor(t: Test, address: string, keepAliveTimeout = 4000): ConnectionPool {
  const pool = new ConnectionPool(address, { connect: { timeout: 2000 }, keepAliveTimeout, keepAliveTimeoutThreshold: 0 });
  t.teardown(() => pool.close());
  return pool;
}

/** The body of the answer; rejects with what the reader was told instead. */
function ask(pool: ConnectionPool, onConnect: AnswerReader['onConnect'] = () => undefined, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    let body = '';
    pool.dispatch(
      { path, method: 'GET' },
      {
        onConnect,
        onHeaders: () => true,
        onData: (piece) => {
          body += piece.toString();
          return true;
        },
        onComplete: () => resolve(body),
        onError: reject,
      },
    );
  });
}

test('as many connections as requests at once, one request at a time on each, and used again', async (t) => {
  const waiting: (() => void)[] = [];
  const sockets = new Set<unknown>();
  let arrived: (() => void) | null = null;
  const { address } = await instance(t, (request, response) => {
    sockets.add(request.socket);
    waiting.push(() => response.end('ok'));
    if (waiting.length === 20) arrived?.();
  });
  const pool = poolFor(t, address);
  for (const round of [1, 2]) {
    const all = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const answers = Promise.all(Array.from({ length: 20 }, () => ask(pool)));
    await all;
    t.equal(sockets.size, 20, `round ${round}: none waits for another`);
    for (const answer of waiting.splice(0)) answer();
    t.same(new Set(await answers), new Set(['ok']));
    // Each is free a turn of the event loop after its answer.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
  t.equal(pool.size, 20);
});

test('what nobody uses any more ends, and who was used last is used next', async (t) => {
  const { address, server } = await instance(t, (_request, response) => response.end('ok'));
  const pool = poolFor(t, address, 50);
  await Promise.all([ask(pool), ask(pool), ask(pool)]);
  t.equal(pool.size, 3);
  const open = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
  while ((await open()) > 0 || pool.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  t.equal(await ask(pool), 'ok', 'and it opens anew');
  t.equal(pool.size, 1);
});

test('an instance that ends each connection is served all the same', async (t) => {
  const { address } = await instance(t, (_request, response) => response.writeHead(200, { connection: 'close' }).end('bye'));
  const pool = poolFor(t, address);
  for (let n = 0; n < 5; n += 1) t.same(new Set(await Promise.all([ask(pool), ask(pool)])), new Set(['bye']));
  t.ok(pool.size <= 10);
});

test('whoever is not reached is told so before he is connected, and reached once the instance is there', async (t) => {
  const { address, server } = await instance(t, (_request, response) => response.end('ok'));
  const { port } = server.address() as AddressInfo;
  const pool = poolFor(t, address);
  server.close();
  await once(server, 'close');
  let connected = 0;
  const count = () => {
    connected += 1;
  };
  await Promise.all([1, 2, 3].map(() => t.rejects(ask(pool, count), { code: 'ECONNREFUSED' })));
  t.equal(connected, 0);
  t.equal(pool.size, 0, 'no connection that failed is kept');
  await instance(t, (_request, response) => response.end('back'), port);
  t.equal(await ask(pool, count), 'back');
});

test('a call that cannot be sent is told so, and its connection is not lent twice', async (t) => {
  const { address } = await instance(t, (_request, response) => response.end('ok'));
  const pool = poolFor(t, address);
  await ask(pool);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const gone = ask(pool, (abort) => abort(new Error('left at once')));
  await t.rejects(gone, /left at once/);
  await t.rejects(ask(pool, undefined, 'no path'), { code: 'UND_ERR_INVALID_ARG' });
  t.same(await Promise.all([ask(pool), ask(pool), ask(pool)]), ['ok', 'ok', 'ok']);
});

test('closed, it takes nothing more and lets what is under way finish', async (t) => {
  let finish = (): unknown => undefined;
  let arrived = (): void => undefined;
  const came = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { address } = await instance(t, (_request, response) => {
    finish = () => response.end('whole');
    arrived();
  });
  const pool = poolFor(t, address);
  const last = ask(pool);
  await came;
  const closed = pool.close();
  await t.rejects(ask(pool), { code: 'UND_ERR_CLOSED' });
  finish();
  t.equal(await last, 'whole');
  await closed;
});

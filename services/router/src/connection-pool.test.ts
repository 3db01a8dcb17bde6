import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { until } from '../test/stand.ts';
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

async function nobodyConnected(server: Server): Promise<void> {
  const count = () => new Promise<number>((resolve) => server.getConnections((_error, connections) => resolve(connections)));
  await until(async () => (await count()) === 0, 'nobody is connected');
}

/** A connection is free a turn of the event loop after its answer. */
async function free(): Promise<void> {
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
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
    await free();
  }
  t.equal(pool.size, 20);
});

test('what nobody uses any more ends, and who was used last is used next', async (t) => {
  const { address, server } = await instance(t, (_request, response) => response.end('ok'));
  const pool = poolFor(t, address, 50);
  await Promise.all([ask(pool), ask(pool), ask(pool)]);
  t.equal(pool.size, 3);
  await nobodyConnected(server);
  await until(() => pool.size === 0, 'nothing is kept');
  t.equal(await ask(pool), 'ok', 'and it opens anew');
  t.equal(pool.size, 1);
});

test('an instance that ends each connection is served all the same', async (t) => {
  const { address } = await instance(t, (_request, response) => response.writeHead(200, { connection: 'close' }).end('bye'));
  const pool = poolFor(t, address);
  for (let n = 0; n < 5; n += 1) t.same(new Set(await Promise.all([ask(pool), ask(pool)])), new Set(['bye']));
  await until(() => pool.size === 0, 'nothing is kept of a connection that has ended');
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

test('no address, no pool', async (t) => {
  for (const address of ['shop', 'http://shop:99999', 'http://[shop'])
    t.throws(() => new ConnectionPool(address, { connect: {} }), TypeError, address);
});

test('a call that cannot be sent is told so, and takes no connection with it', async (t) => {
  const { address } = await instance(t, (_request, response) => response.end('ok'));
  const pool = poolFor(t, address);
  const refused = () => t.rejects(ask(pool, undefined, 'no path'), { code: 'UND_ERR_INVALID_ARG' });
  await refused();
  t.equal(pool.size, 0, 'none was opened for it');
  await ask(pool);
  await free();
  for (let n = 0; n < 3; n += 1) await refused();
  t.same(await Promise.all([ask(pool), ask(pool), ask(pool)]), ['ok', 'ok', 'ok']);
  t.equal(pool.size, 3, 'the open one is still lent');
});

test('whoever leaves takes his connection with him, and nobody waits behind him', async (t) => {
  const waiting: (() => void)[] = [];
  const { address, server } = await instance(t, (_request, response) => waiting.push(() => response.end('ok')));
  let opened = 0;
  server.on('connection', () => {
    opened += 1;
  });
  const pool = poolFor(t, address);
  let leave: (reason?: Error) => void = () => undefined;
  const left = ask(pool, (abort) => {
    leave = abort;
  });
  await until(() => waiting.length === 1, 'the request arrived');
  leave(new Error('left in the middle'));
  await t.rejects(left, /left in the middle/);
  // undici opens another in its place. On one that nobody has used yet a call is told at once that it is connected.
  await until(() => opened === 2, 'another connection');
  await free();
  const gone = ask(pool, (abort) => abort(new Error('left at once')));
  const first = ask(pool);
  await t.rejects(gone, /left at once/);
  const second = ask(pool);
  await until(() => waiting.length === 3, 'neither waits for the other');
  for (const answer of waiting) answer();
  t.same(await Promise.all([first, second]), ['ok', 'ok']);
});

test('closed, it lets what is under way finish, and who comes late, and keeps nothing', async (t) => {
  let finish = (): unknown => undefined;
  let arrivals = 0;
  const { address, server } = await instance(t, (_request, response) => {
    finish = () => response.end('whole');
    arrivals += 1;
  });
  const pool = poolFor(t, address, 600_000);
  const last = ask(pool);
  await until(() => arrivals === 1, 'it has come');
  const closed = pool.close();
  finish();
  t.equal(await last, 'whole');
  await closed;
  await nobodyConnected(server);
  const late = ask(pool);
  await until(() => arrivals === 2, 'it is sent all the same');
  finish();
  t.equal(await late, 'whole');
  await nobodyConnected(server);
  t.equal(pool.size, 0);
});

test('closed, it ends the connections that nobody uses', async (t) => {
  const { address, server } = await instance(t, (_request, response) => response.end('ok'));
  const pool = poolFor(t, address, 600_000);
  await Promise.all([ask(pool), ask(pool)]);
  await free();
  await pool.close();
  t.equal(pool.size, 0);
  await nobodyConnected(server);
});

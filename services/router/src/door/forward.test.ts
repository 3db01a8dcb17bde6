import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import { ask, until } from '../../test/stand.ts';
import { systemTime } from '../time.ts';
import { Cluster } from '../upstreams.ts';
import { createDoorServer } from './door-server.ts';
import { forward } from './forward.ts';
import { listen } from './listener.ts';

/** A door before one instance, which is handed each connection as it is asked on it. `meet` sees a response before it is forwarded. */
async function doorBefore(
  t: Test,
  answer: (socket: Socket) => unknown,
  meet: (response: ServerResponse, path: string) => void = () => undefined,
): Promise<number> {
  const instance = createServer((socket) => socket.on('error', () => undefined).on('data', () => answer(socket)));
  instance.listen(0, '127.0.0.1');
  await once(instance, 'listening');
  t.teardown(() => instance.close());
  const cluster = new Cluster([`http://127.0.0.1:${(instance.address() as AddressInfo).port}`], systemTime);
  const door = createDoorServer({
    serve: (request, response, { path }) => {
      meet(response, path);
      return forward(request, response, { cluster, path, headers: ['host', 'shop'], addToAnswer: [], observers: [], retry: false });
    },
    upgrade: (_request, socket) => socket.destroy(),
  });
  const port = await listen(door, 0, '127.0.0.1');
  t.teardown(() => {
    cluster.close();
    door.closeAllConnections();
    door.close();
  });
  return port;
}

test('what stands beside a status goes on where it may, and else is left out: with its body at once, and after a while', async (t) => {
  let words = '';
  let pause = false;
  const port = await doorBefore(t, (socket) => {
    const body = () => socket.end('gone');
    socket.write(`HTTP/1.1 410 ${words}\r\ncontent-length: 4\r\nconnection: close\r\n\r\n`);
    if (pause) setTimeout(body, 20);
    else body();
  });
  for (pause of [false, true])
    for (words of ['', 'Gone', 'Nicht mehr da, schön', '找不到', 'a\u0001b'])
      t.match(await ask(port), { status: 410, body: 'gone' }, `${JSON.stringify(words)}, ${pause ? 'then the body' : 'body and all'}`);
});

test('what goes wrong with one head keeps no other from leaving', async (t) => {
  const came: Socket[] = [];
  const port = await doorBefore(
    t,
    (socket) => came.push(socket),
    (response, path) => {
      if (path !== '/bad') return;
      const { writeHead } = response;
      response.writeHead = () => {
        response.writeHead = writeHead;
        throw new Error('this head cannot be said');
      };
    },
  );
  const asked = [];
  for (const path of ['/bad', '/1', '/2']) {
    asked.push(once(request({ host: '127.0.0.1', port, path, agent: false }).end(), 'response') as Promise<[IncomingMessage]>);
    await until(() => came.length === asked.length, `${path} has come`);
  }
  // The heads are read in one turn of the event loop; no body comes with them.
  for (const socket of came) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n');
  const answers = await Promise.all(asked);
  t.same(
    answers.map(([{ statusCode }]) => statusCode),
    [502, 200, 200],
  );
  for (const [answer] of answers) answer.destroy();
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers to whoever keeps processes alive, on this machine, and tells strangers nothing: /healthz while there is a process, /readyz while `ready` resolves. */
export async function answerHealth(
  port: number,
  ready: () => Promise<void>,
): Promise<{ readonly address: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.url === '/healthz') answer(200, { ok: true });
    else if (request.url === '/readyz')
      ready().then(
        () => answer(200, { ready: true }),
        () => answer(503, { ready: false }),
      );
    else answer(404, {});
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

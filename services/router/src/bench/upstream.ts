import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const body = JSON.stringify({ order: 4711, state: 'paid', lines: 'x'.repeat(155) });
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-request-id: 0123456789abcdef\r\n\r\n${body}`,
  'latin1',
);
const endOfHead = Buffer.from('\r\n\r\n');

/**
 * The cheapest service that there can be: on each of `count` ports it answers every head that arrives with the same 200 bytes of JSON,
 * so that the processor's time goes to the proxies. It reads no bodies: the load sends none.
 */
export async function openUpstream(count: number): Promise<readonly number[]> {
  return Promise.all(Array.from({ length: count }, () => portOf(cheapServer())));
}

function cheapServer(): Server {
  return createServer({ noDelay: true }, (socket) => {
    let rest: Buffer | null = null;
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece) => {
      const bytes = rest === null ? piece : Buffer.concat([rest, piece]);
      let from = 0;
      for (let at = bytes.indexOf(endOfHead); at >= 0; at = bytes.indexOf(endOfHead, from)) {
        from = at + endOfHead.length;
        socket.write(answer);
      }
      rest = from === bytes.length ? null : bytes.subarray(from);
    });
  });
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { StrictReader, type StrictRequest } from './strict-reader.ts';

type Teardown = { teardown(fn: () => unknown): void };

/** What came in at an instance, read as strictly as the standard can be read. */
export type Recording = {
  readonly url: string;
  /** In the order in which they were whole. */
  readonly requests: StrictRequest[];
  /** What a second reader might have read differently, with the bytes. Must stay empty. */
  readonly ambiguities: string[];
  /** Connections that are open now. */
  readonly open: () => number;
};

/**
 * An instance that stores bytes and answers each whole request with its target, so that an answer which reaches the wrong asker is seen.
 * `/early` is answered before its body came; an upgrade is never granted.
 */
export async function recordingUpstream(t: Teardown): Promise<Recording> {
  const sockets = new Set<Socket>();
  const requests: StrictRequest[] = [];
  const ambiguities: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const reader = new StrictReader();
    let answeredEarly = false;
    socket.on('data', (bytes) => {
      try {
        reader.push(bytes);
        if (!answeredEarly && reader.began?.target === '/early') {
          answeredEarly = true;
          socket.write(answerTo(reader.began));
        }
        for (let request = reader.take(); request; request = reader.take()) {
          requests.push(request);
          if (!answeredEarly) socket.write(answerTo(request));
          answeredEarly = false;
        }
      } catch (error) {
        ambiguities.push(`${(error as Error).message} in ${JSON.stringify(reader.seen.slice(0, 2000))}`);
        socket.destroy();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, requests, ambiguities, open: () => sockets.size };
}

function answerTo({ method, target }: Pick<StrictRequest, 'method' | 'target'>): string {
  const body = `target=${Buffer.from(target, 'latin1').toString('hex')}\n`;
  return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${method === 'HEAD' ? '' : body}`;
}

import { createServer } from 'node:net';

/** A loopback port that nobody listened on a moment ago. Somebody else may take it before the service does: then try another. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port was given')),
      );
    });
  });
}

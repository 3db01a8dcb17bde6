import { once } from 'node:events';
import type { Server } from 'node:net';
import { HaldaneError, messageOf } from '@haldane/core';

/** Listens and says on which port. Throws `unavailable` naming the port when it is taken. */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new HaldaneError(
      'unavailable',
      `cannot listen on ${host}:${port} (${messageOf(error)}): choose another port, or 0 for a free one`,
      { cause: error },
    );
  }
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}

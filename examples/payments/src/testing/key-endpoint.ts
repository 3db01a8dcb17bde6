import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type KeyEndpointState = 'up' | '503' | 'empty' | 'hang';

/** A small proxy in front of a key set that can be made to fail, for tests. */
export async function startKeyEndpoint(real: string): Promise<{ url: string; state: KeyEndpointState; calls: number; close(): void }> {
  const server = createServer((_request, response) => {
    endpoint.calls += 1;
    if (endpoint.state === 'hang') return;
    if (endpoint.state === '503') return response.writeHead(503).end();
    if (endpoint.state === 'empty') return response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}');
    fetch(real)
      .then((answer) => answer.text())
      .then(
        (body) => response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(body),
        () => response.writeHead(502).end(),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    state: 'up' as KeyEndpointState,
    calls: 0,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return endpoint;
}

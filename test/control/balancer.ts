import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export type Balancer = { readonly url: string; close(): Promise<void> };

/** Passes each connection on to one of these ports of this machine, drawn at random, and to the next one when nobody listens there. */
export async function openBalancer(ports: readonly number[], draw: (below: number) => number): Promise<Balancer> {
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    open.add(incoming);
    incoming.on('error', () => undefined).on('close', () => open.delete(incoming));
    const first = draw(ports.length);
    pass(incoming, [...ports.slice(first), ...ports.slice(0, first)]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function pass(incoming: Socket, [port, ...others]: readonly number[]): void {
  if (port === undefined) return void incoming.destroy();
  const outgoing = connect(port, '127.0.0.1');
  outgoing.once('error', () => (outgoing.bytesRead + outgoing.bytesWritten === 0 ? pass(incoming, others) : incoming.destroy()));
  outgoing.once('connect', () => {
    incoming.pipe(outgoing);
    outgoing.pipe(incoming);
    incoming.once('close', () => outgoing.destroy());
    outgoing.once('close', () => incoming.destroy());
  });
}

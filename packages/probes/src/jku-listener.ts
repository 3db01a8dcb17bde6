import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Arm, Clock } from '@haldane/core';

/** A key set of ours that no verifier should ever fetch, on loopback. */
export type JkuListener = {
  address(arm: Arm): string;
  /** Visits since a second, by arm. */
  hits(sinceSecond: number): Readonly<Record<Arm, number>>;
  close(): Promise<void>;
};

/** Opens the listener. Its paths cannot be guessed, so a visit means that a token's header was followed. */
export async function openJkuListener(clock: Clock, keys: () => readonly object[]): Promise<JkuListener> {
  const paths: Readonly<Record<Arm, string>> = {
    control: `/${randomBytes(12).toString('hex')}/keys`,
    experiment: `/${randomBytes(12).toString('hex')}/keys`,
  };
  const visits: { readonly arm: Arm; readonly second: number }[] = [];
  const server = createServer((request, response) => {
    const arm = request.url === paths.control ? 'control' : request.url === paths.experiment ? 'experiment' : null;
    if (arm === null) return void response.writeHead(404).end();
    visits.push({ arm, second: Math.floor(clock.now() / 1000) });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: keys() }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  // What is left of a run that lost its runner must not keep a process alive.
  server.unref();
  const { port } = server.address() as AddressInfo;
  const count = (arm: Arm, since: number) => visits.filter((visit) => visit.arm === arm && visit.second >= since).length;
  return {
    address: (arm) => `http://127.0.0.1:${port}${paths[arm]}`,
    hits: (since) => ({ control: count('control', since), experiment: count('experiment', since) }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AnyChangeKind, type Json, type JsonObject, messageOf, systemClock } from '@haldane/core';
import { MemoryWorld, memoryKinds } from '@haldane/testkit';

/** What a runner asks of the world outside of it. `until`: the lease that it believes to have for its effects. */
export type Asked =
  | {
      readonly do: 'capture' | 'apply' | 'revert' | 'isReverted';
      readonly kind: string;
      readonly params: JsonObject;
      readonly before: Json;
    }
  | { readonly do: 'renew'; readonly runId: string; readonly until: number }
  | { readonly do: 'leftovers'; readonly runId: string };

/** A world that outlives every runner, and is changed over HTTP only: effects end by themselves unless they are renewed. */
export type Outside = {
  readonly url: string;
  /** Everything that can be seen of it now. */
  look(): string;
  /** When something was last made for the run (epoch ms), or 0. */
  lastMade(runId: string): number;
  close(): Promise<void>;
};

export async function openOutside(services: readonly string[], leaseMs: number): Promise<Outside> {
  const world = new MemoryWorld(systemClock, leaseMs);
  for (const service of services) {
    world.addRoute(service);
    world.clusters.set(`${service}.production`, { owner: 'team', until: null, revision: 'abc123', proxies: [], instances: ['a', 'b'] });
  }
  const kinds = new Map<string, AnyChangeKind>(memoryKinds(world).map((kind) => [kind.kind, kind]));
  const leases = new Map<string, number>();
  const made = new Map<string, number>();
  const keeper = setInterval(() => world.expire(), 100);

  const answer = async (asked: Asked): Promise<Json> => {
    world.expire();
    const signal = new AbortController().signal;
    if (asked.do === 'leftovers') return world.leftovers(asked.runId);
    if (asked.do === 'renew') {
      leases.set(asked.runId, asked.until);
      world.renew(asked.runId, asked.until);
      return null;
    }
    const kind = kinds.get(asked.kind);
    if (kind === undefined) throw new Error(`there is no kind ${asked.kind}`);
    if (asked.do === 'capture') return (await kind.capture(asked.params, signal)) as Json;
    if (asked.do === 'isReverted') return kind.isReverted(asked.params, asked.before, signal);
    await kind[asked.do](asked.params, asked.before, signal);
    const owner = ownerOf(asked.params);
    if (asked.do === 'apply' && owner !== null) {
      made.set(owner, Date.now());
      // What is made lasts no longer than what its run has already, as with keepers: a late waker's lease is over.
      const until = leases.get(owner);
      if (until !== undefined) world.renew(owner, until);
    }
    return null;
  };

  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      answer(JSON.parse(text) as Asked).then(
        (value) => response.end(JSON.stringify({ value })),
        (error: unknown) => response.writeHead(500).end(JSON.stringify({ error: messageOf(error) })),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    look: () => {
      world.expire();
      return JSON.stringify(world.look());
    },
    lastMade: (runId) => made.get(runId) ?? 0,
    close: async () => {
      clearInterval(keeper);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Names of things begin with the run that they belong to. */
function ownerOf(params: JsonObject): string | null {
  if (typeof params['owner'] === 'string') return params['owner'];
  return typeof params['name'] === 'string' ? (params['name'].split('.')[0] ?? null) : null;
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '@haldane/core';
import { type Dataplane, DataplaneClient, RouterFleet } from '@haldane/dataplane';
import { liveRouter, spawnRouter } from '@haldane/router';
import { routerToken } from './router-token.ts';

/** The routers of one data folder: processes of their own, which outlive whoever started them. */
export type LocalRouters = {
  readonly dataplane: Dataplane;
  /** Whether all of them were there before. */
  readonly adopted: boolean;
  /** Starts anew those that are gone; says how many were. */
  revive(): Promise<number>;
  /** Lets those that live finish what is in flight and end. */
  drain(): Promise<void>;
};

/** Adopts or starts so many routers, and more where an earlier Haldane left more. */
export async function startRouters(options: {
  readonly dataDir: string;
  readonly count: number;
  readonly clock: Clock;
  /** How long they go on without being called; absent: for ever. */
  readonly lingerMs?: number;
}): Promise<LocalRouters> {
  const { dataDir, lingerMs } = options;
  const token = await routerToken(dataDir);
  const known = stateDirs(dataDir).filter((dir) => liveRouter(dir) !== null);
  const dirs = [...new Set([...Array.from({ length: options.count }, (_, i) => stateDirOf(dataDir, i)), ...known])];
  const start = (stateDir: string) => spawnRouter({ stateDir, token, ...(lingerMs === undefined ? {} : { lingerMs }) });
  const members = await Promise.all(dirs.map(async (stateDir) => ({ stateDir, router: await start(stateDir) })));
  return {
    dataplane: together(
      members.map((member) => new DataplaneClient({ url: () => member.router.adminUrl, token })),
      options.clock,
    ),
    adopted: members.every(({ router }) => router.adopted),
    async revive() {
      const gone = members.filter(({ stateDir }) => liveRouter(stateDir) === null);
      await Promise.all(
        gone.map(async (member) => {
          member.router = await start(member.stateDir);
        }),
      );
      return gone.length;
    },
    async drain() {
      const live = members.filter(({ stateDir }) => liveRouter(stateDir) !== null);
      await Promise.all(live.map(({ router }) => new DataplaneClient({ url: router.adminUrl, token }).drain()));
    },
  };
}

/** Whatever routers of this folder live now, without starting any; null when none does. */
export async function liveDataplane(dataDir: string): Promise<Dataplane | null> {
  const live = await liveRouters(dataDir);
  return live.length === 0 ? null : together(live, systemClock);
}

/** Each router of this folder that lives now, to be spoken to by itself. */
export async function liveRouters(dataDir: string): Promise<readonly DataplaneClient[]> {
  const live = stateDirs(dataDir).flatMap((dir) => liveRouter(dir) ?? []);
  if (live.length === 0) return [];
  const token = await routerToken(dataDir);
  return live.map(({ adminUrl }) => new DataplaneClient({ url: adminUrl, token }));
}

/** One router needs nobody to share with. */
function together(clients: readonly DataplaneClient[], clock: Clock): Dataplane {
  const [only] = clients;
  return only !== undefined && clients.length === 1 ? only : new RouterFleet({ routers: clients, clock });
}

function stateDirOf(dataDir: string, i: number): string {
  return join(dataDir, i === 0 ? 'router' : `router-${i + 1}`);
}

/** In the order of their numbers: the first is home to the dependency proxies. */
function stateDirs(dataDir: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(dataDir);
  } catch {
    return [];
  }
  const numbers = names.flatMap((name) => {
    const match = /^router(?:-(\d+))?$/.exec(name);
    return match === null ? [] : [Number(match[1] ?? 1)];
  });
  return numbers.sort((a, b) => a - b).map((number) => stateDirOf(dataDir, number - 1));
}

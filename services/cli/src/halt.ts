import type { HaldaneClient } from '@haldane/client';
import { HaldaneError, messageOf } from '@haldane/core';
import { type RouterAddress, routersOf } from '@haldane/standalone';

export type HaltWish = {
  readonly why: string;
  /** Null when no Haldane answers. The routers are told meanwhile. */
  readonly client: Promise<HaldaneClient | null>;
  readonly dataDir: string;
  readonly routers: readonly RouterAddress[];
};

/**
 * Halts by both ways at once: the switch in the database, which stops every run and lets none begin, and each router by itself, which sends
 * all users back to production without asking anybody. Throws `unavailable` when neither could be told; says what each answered.
 */
export function haltAll(wish: HaltWish, say: (words: string) => void): Promise<void> {
  return bothWays(wish, say, {
    house: async (client) => {
      const { stopped } = await client.halt(wish.why);
      return `halted: ${stopped} ${stopped === 1 ? 'run is' : 'runs are'} being stopped, and none begins`;
    },
    router: async (router) => {
      await router.halt(wish.why);
      return 'is halted: every user is back in production, and it takes on nothing';
    },
  });
}

/** Lifts the halt by both ways. */
export function liftAll(wish: HaltWish, say: (words: string) => void): Promise<void> {
  return bothWays(wish, say, {
    house: async (client) => {
      await client.liftHalt(wish.why);
      return 'lifted: runs may begin again';
    },
    router: async (router) => {
      await router.lift();
      return 'is open again';
    },
  });
}

type Ways = {
  readonly house: (client: HaldaneClient) => Promise<string>;
  readonly router: (router: Awaited<ReturnType<typeof routersOf>>[number]) => Promise<string>;
};

async function bothWays({ client, dataDir, routers }: HaltWish, say: (words: string) => void, ways: Ways): Promise<void> {
  const [[house], direct] = await Promise.all([
    Promise.allSettled([client.then((there) => (there === null ? null : ways.house(there)))]),
    routersOf({ dataDir }, routers).then((all) =>
      Promise.allSettled(all.map(async (router) => `router ${router.url} ${await ways.router(router)}`)),
    ),
  ]);
  const nobodyAnswers = house.status === 'fulfilled' && house.value === null;
  const told = nobodyAnswers ? direct : [house, ...direct];
  if (nobodyAnswers) say('no Haldane answers; the routers are told directly');
  for (const one of told) say(one.status === 'fulfilled' ? (one.value ?? '') : `NOT TOLD: ${messageOf(one.reason)}`);
  const failed = told.filter((one) => one.status === 'rejected');
  if (told.length === 0)
    throw new HaldaneError('unavailable', 'there is nobody to tell: no Haldane answers and no router is alive; name one with --router');
  if (failed.length > 0) throw (failed[0] as PromiseRejectedResult).reason;
}

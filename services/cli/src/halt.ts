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
 * all users back to production without asking anybody. Throws `unavailable` when neither could be told; says what each answered as soon
 * as it did.
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
  /** Whether it could be told; null when it is not there. */
  const tell = async (whom: string, answer: Promise<string | null>): Promise<{ readonly failed: unknown } | 'told' | null> => {
    try {
      const words = await answer;
      if (words === null) return null;
      say(words);
      return 'told';
    } catch (error) {
      say(`NOT TOLD: ${whom}: ${messageOf(error)}`);
      return { failed: error };
    }
  };
  const tellRouter = (name: string, router: Parameters<Ways['router']>[0]) =>
    tell(
      name,
      ways.router(router).then((words) => `${name} ${words}`),
    );
  const askHouse = async () => {
    const there = await client;
    if (there === null) say('no Haldane answers; the routers are told directly');
    return there === null ? null : ways.house(there);
  };
  say('Haldane is asked, and each router is told meanwhile');
  const [house, direct] = await Promise.all([
    tell('Haldane', askHouse()),
    routersOf({ dataDir }, routers).then((all) => Promise.all(all.map((router) => tellRouter(`router ${router.url}`, router)))),
  ]);
  const answers = [house, ...direct].filter((answer) => answer !== null);
  if (answers.length === 0)
    throw new HaldaneError('unavailable', 'there is nobody to tell: no Haldane answers and no router is alive; name one with --router');
  for (const answer of answers) if (answer !== 'told') throw answer.failed;
}

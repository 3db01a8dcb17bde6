import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request that got no whole answer. `at` and `until`: epoch ms of its beginning and its end. */
export type Lost = { readonly port: number; readonly at: number; readonly until: number };
/** Who gave an answer of 400 or above. `experiment`: an arm, or a router that waited for one. */
export type Failed = 'production' | 'experiment';
export type BalancedUsers = {
  /** What has come of their requests so far. `direct`: answered by production itself, for no router took them. */
  readonly seen: { readonly sent: number; readonly failed: readonly Failed[]; readonly direct: number; readonly lost: readonly Lost[] };
  stop(): Promise<void>;
};

const users = 120;

/**
 * Users behind a balancer that takes turns at the routers of a route, passes over one that refuses connections, and sends to production
 * itself when all do. Answers name the instance that gave them (`x-answered-by: PORT`). Each request has a connection of its own: whoever is gone refuses it, and nothing else of the dead is met.
 */
export function balancedUsers(options: {
  readonly routers: readonly number[];
  readonly production: number;
  readonly token: string;
  readonly perSecond: number;
}): BalancedUsers {
  const { routers, production, token, perSecond } = options;
  const seen = { sent: 0, failed: [] as Failed[], direct: 0, lost: [] as Lost[] };
  let stopped = false;

  const tryAt = (port: number, key: string) =>
    new Promise<'refused' | 'lost' | 'well' | Failed>((resolve) => {
      let answered: 'well' | Failed | null = null;
      let refused = false;
      request(
        { host: '127.0.0.1', port, agent: false, headers: { authorization: `Bearer ${token}`, cookie: `haldane_key=${key}` } },
        (answer) => {
          answer
            .on('error', () => undefined)
            .on('end', () => {
              const failed = answer.headers['x-answered-by'] === `${production}` ? 'production' : 'experiment';
              answered = (answer.statusCode ?? 0) < 400 ? 'well' : failed;
            });
          answer.resume();
        },
      )
        .on('error', (error: NodeJS.ErrnoException) => {
          refused = error.code === 'ECONNREFUSED';
        })
        .once('close', () => resolve(answered ?? (refused ? 'refused' : 'lost')))
        .end();
    });
  const ask = async (turn: number, key: string) => {
    seen.sent += 1;
    const ports = [...routers.map((_, i) => routers[(turn + i) % routers.length] as number), production];
    for (const port of ports) {
      const at = Date.now();
      const outcome = await tryAt(port, key);
      if (outcome === 'refused' && port !== production) continue;
      if (outcome === 'production' || outcome === 'experiment') seen.failed.push(outcome);
      if (outcome === 'well' && port === production) seen.direct += 1;
      if (outcome === 'lost' || outcome === 'refused') seen.lost.push({ port, at, until: Date.now() });
      return;
    }
  };
  const user = async (n: number) => {
    const key = createHash('sha256').update(`user ${n}`).digest('hex').slice(0, 32);
    await sleep((n * 1000) / perSecond);
    for (let turn = n; !stopped; turn += 1) {
      await ask(turn, key);
      await sleep((users * 1000) / perSecond);
    }
  };
  const all = Array.from({ length: users }, (_, n) => user(n));
  return {
    seen,
    async stop() {
      stopped = true;
      await Promise.all(all);
    },
  };
}

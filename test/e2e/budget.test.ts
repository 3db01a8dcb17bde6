import { createHash } from 'node:crypto';
import { once, setMaxListeners } from 'node:events';
import { Agent, createServer, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@haldane/core';
import { type Dataplane, DataplaneClient, RouterFleet } from '@haldane/dataplane';
import { spawnRouter } from '@haldane/router';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { openRoom } from '../testing/room.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';

/** What the arms do to everybody once the fault is on. */
const ways = ['fails', 'hangs', 'resets', 'denies'] as const;
type Cell = { readonly cap: number; readonly routers: 1 | 3; readonly way: (typeof ways)[number]; readonly background: boolean };

const cells: readonly Cell[] = [1, 5, 50].flatMap((cap) =>
  ([1, 3] as const).flatMap((routers) => [
    ...ways.map((way) => ({ cap, routers, way, background: false })),
    { cap, routers, way: 'fails', background: true } as const,
  ]),
);
const full = process.env['LANE'] === 'full';
const perCell = 7;
const concurrency = 200;
const creditRate = 0.03;
const hangMs = 250;

const sample = seedOfSamples();
const drawOf = (name: string) => createHash('sha256').update(`${sample}:${name}`).digest().readUInt32BE() / 2 ** 32;
/** Of each number of routers two cells, by the commit; a full lane runs all of them. */
const chosen = full
  ? cells.flatMap((cell) => Array.from({ length: perCell }, (_, run) => ({ cell, run })))
  : ([1, 3] as const).flatMap((routers) => {
      const some = cells.filter((cell) => cell.routers === routers);
      return draws(sample, `cells of ${routers}`, 2, some.length).map((at, run) => ({ cell: some[at] as Cell, run }));
    });

allowSeconds(full ? 3_600 : 120);
const room = await openRoom();
after(() => room.leave());
const token = 'a-token-for-tests-only';
const routers = await Promise.all(
  [1, 2, 3].map(async (n) => {
    const { adminUrl } = await spawnRouter({ stateDir: join(room.folder, `router-${n}`), token, lingerMs: 600_000 });
    const client = new DataplaneClient({ url: adminUrl, token, timeoutMs: 30_000 });
    room.onLeave(() => client.drain());
    return client;
  }),
);
const [only] = routers as [DataplaneClient, ...DataplaneClient[]];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  room.onLeave(async () => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Seen = { readonly from: 'production' | 'arm' | 'nobody'; readonly status: number };

/** One request as a client sees it: what production did not answer, an arm did, or the router in its place; `over` ends those that nobody answers. */
function ask(port: number, key: string, agent: Agent, over: AbortSignal): Promise<Seen> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, agent, headers: { cookie: `haldane_key=${key}` } }, (answer) => {
      answer.resume();
      answer.on('error', () => undefined);
      answer.on('close', () =>
        resolve(
          answer.complete
            ? { from: answer.headers['x-from'] === 'production' ? 'production' : 'arm', status: answer.statusCode ?? 0 }
            : { from: 'nobody', status: 0 },
        ),
      );
    });
    sent.on('error', () => resolve({ from: 'nobody', status: 0 }));
    over.addEventListener('abort', () => sent.destroy(), { once: true });
    sent.end();
  });
}

/** What a whole run did to its users, counted where they are. */
async function harmOf({ cap, routers: count, way, background }: Cell, run: number) {
  const runId = `run-${cap}-${count}-${way}-${background ? 'noisy' : 'quiet'}-${run}`;
  let on = false;
  let answered = 0;
  let hanging = 0;
  const noise = () => {
    answered += 1;
    return background && drawOf(`${runId}:${answered}`) < 0.01;
  };
  const arm: RequestListener = (asked, response) => {
    response.setHeader('x-from', 'arm');
    if (!on) return void response.writeHead(noise() ? 500 : 200).end('arm');
    if (way === 'hangs') {
      hanging += 1;
      return;
    }
    if (way === 'resets') return void asked.socket.resetAndDestroy();
    response.writeHead(way === 'denies' ? 401 : 500).end('no');
  };
  const [production, control, experiment] = await Promise.all([
    serve((_asked, response) =>
      response
        .setHeader('x-from', 'production')
        .writeHead(noise() ? 500 : 200)
        .end('production'),
    ),
    serve(arm),
    serve(arm),
  ]);
  const dataplane: Dataplane = count === 1 ? only : new RouterFleet({ routers, clock: systemClock });
  const { ports } = await dataplane.putRoute({ route: runId, port: 0, production: [production] });
  const secret = createHash('sha256').update(runId).digest('hex');
  const until = () => Date.now() + 60_000;
  await dataplane.attach({ runId, route: runId, arms: { control: [control], experiment: [experiment] }, secret, until: until() });
  const users = run % 2 === 0 ? {} : { users: Math.ceil(cap / 2) };
  const slice = (name: string, rate: number) =>
    dataplane.putSlice(runId, {
      runId,
      name,
      share: 0.5,
      exposure: 'all',
      caps: { failures: cap, ...users, latencyLimitMs: way === 'hangs' && on ? hangMs : 60_000, creditRate: rate },
    });

  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  const keys = Array.from({ length: concurrency }, (_, i) => createHash('md5').update(`${runId}:${i}`).digest('hex'));
  const letIn = new Set<string>();
  const hurt = new Set<string>();
  let failures = 0;
  let admitted = 0;
  let through = 0;
  const flood = (rounds: number) =>
    Promise.all(
      keys.map(async (key, i) => {
        for (let round = 0; round < rounds && !over.signal.aborted; round += 1) {
          const port = ports[Math.floor(drawOf(`${runId}:${i}:${round}`) * ports.length)] ?? 0;
          const seen = await ask(port, key, agent, over.signal);
          if (seen.from === 'production') continue;
          admitted += 1;
          if (seen.status === 200) letIn.add(key);
          else if (seen.status !== 401 || letIn.has(key)) {
            failures += 1;
            hurt.add(key);
          }
        }
        through += 1;
      }),
    );

  await slice('baseline', 0);
  await flood(2);
  const inBaseline = admitted;
  await dataplane.deleteSlice(runId, runId, 'baseline');
  // Denials are failures to those who were let in before: each router must have heard who that was.
  for (;;) {
    const { blocks } = await dataplane.telemetry(runId, 0);
    const told = blocks.reduce((sum, { real }) => sum + real.control.requests + real.experiment.requests, 0);
    if (told >= inBaseline) break;
    await sleep(50);
  }
  on = true;
  await slice('watch', background ? creditRate : 0);
  through = 0;
  const flooded = flood(2);
  // Who hangs would wait for ever; everybody else gets through.
  while (through + hanging < concurrency) {
    await dataplane.renew(runId, until());
    await sleep(100);
  }
  over.abort();
  await flooded;
  const chargedNow = async () => (await dataplane.view()).routes.find((route) => route.route === runId)?.slices.at(-1)?.spent ?? -1;
  let charged = await chargedNow();
  // Who leaves is charged when the router hears of it.
  for (const end = Date.now() + 20_000; charged < failures && Date.now() < end; charged = await chargedNow()) await sleep(50);
  await dataplane.detach(runId, runId);
  await dataplane.deleteRoute(runId);
  agent.destroy();
  const limit = cap + (background ? Math.floor(creditRate * admitted) : 0);
  return { failures, hurt: hurt.size, charged, limit, users: users.users ?? limit, knew: letIn.size };
}

test(`clients never see more failures than the cap, at ${concurrency} at once: ${chosen.length} runs of ${cells.length} cells`, async (t) => {
  t.comment(full ? 'all of them' : `by ${sample.slice(0, 12)}`);
  for (const { cell, run } of chosen) {
    const { failures, hurt, charged, limit, users, knew } = await harmOf(cell, run);
    const which = `${cell.routers === 1 ? 'one router' : 'three routers'}, arms ${cell.way}${cell.background ? ' beside 1 % of background' : ''}, run ${run}`;
    t.ok(failures <= limit, `${which}: clients saw ${failures} failures, at most ${limit} may be`);
    // A key that fails at two routers is one user who is counted as two: fewer, never more.
    t.ok(hurt <= users, `${which}: ${hurt} distinct users, at most ${users}`);
    // Nobody can be denied who was never let in: where three routers share a cap of 1, few are.
    t.ok(failures > 0 || (cell.way === 'denies' && cell.cap === 1), `and there was something to count: ${knew} had been let in`);
    t.ok(charged >= failures, `the routers charged ${charged}`);
  }
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

import type { HaldaneClient } from '@haldane/client';
import { HaldaneError, type Phase } from '@haldane/core';
import { routersOf } from '@haldane/standalone';
import { haltAll, liftAll } from './halt.ts';

export type DrillOptions = {
  readonly client: HaldaneClient;
  readonly file: string;
  readonly dataDir: string;
  readonly say: (words: string) => void;
};

/** Milliseconds from the halt on. */
export type DrillTimes = { readonly usersOff: number; readonly over: number; readonly reason: string };

/** How long anything of a drill may take before it has failed. */
const patienceMs = 120_000;
const lookEveryMs = 20;

/**
 * Proves both ways of halting on real runs of this stack, which make no harmful change: each run is brought to where users are in the arms,
 * halted by one way alone, and watched until it is over. Refuses while other runs are going on, for it would stop them too.
 */
export async function drill(options: DrillOptions): Promise<{ readonly house: DrillTimes; readonly routers: DrillTimes }> {
  const going = (await options.client.runs(200)).filter((run) => run.phase !== 'done');
  if (going.length > 0) throw new HaldaneError('refused', `a drill halts everything, and ${going[0]?.id} is going on; wait for it`);
  const wish = { why: 'a drill', dataDir: options.dataDir, routers: [] };
  const silent = () => undefined;
  const house = await once(options, 'the switch', async () => {
    await options.client.halt(wish.why);
  })
    .then(async (times) => {
      const again = await begins(options);
      if (again !== 'halted') throw new HaldaneError('internal', `a run was not refused while everything was halted: ${again}`);
      return times;
    })
    .finally(() => liftAll({ ...wish, client: Promise.resolve(options.client) }, silent));
  // The database is not told at all: this way must do without it.
  const routers = await once(options, 'the routers alone', () => haltAll({ ...wish, client: Promise.resolve(null) }, silent)).finally(() =>
    liftAll({ ...wish, client: Promise.resolve(null) }, silent),
  );
  return { house, routers };
}

async function once({ client, file, dataDir, say }: DrillOptions, way: string, halt: () => Promise<void>): Promise<DrillTimes> {
  const run = await client.create({ file, fault: false });
  say(`run ${run.id}, to be halted by ${way}`);
  await until(`users in the arms of run ${run.id}`, async () => {
    const { phase, stop } = await client.run(run.id);
    if (stop !== null) throw new HaldaneError('refused', `the drill's run ended before it could be halted: ${stop.why}`);
    return (
      (['baseline', 'proving', 'observing'] satisfies Phase[] as readonly Phase[]).includes(phase) && (await slices(dataDir, run.id)) > 0
    );
  });
  const from = performance.now();
  await halt();
  await until('users to be back in production', async () => (await slices(dataDir, run.id)) === 0);
  const usersOff = performance.now() - from;
  await until(`run ${run.id} to be over`, async () => (await client.run(run.id)).phase === 'done');
  const over = performance.now() - from;
  const ended = await client.run(run.id);
  if (ended.facts.restored?.clean !== true) throw new HaldaneError('not-restored', `run ${run.id} of the drill was not put back`);
  return { usersOff, over, reason: ended.stop?.reason ?? 'none' };
}

/** What becomes of somebody who begins a run now. */
function begins({ client, file }: DrillOptions): Promise<string> {
  return client.create({ file, fault: false }).then(
    (run) => run.id,
    (error: { code?: string }) => String(error.code),
  );
}

async function slices(dataDir: string, runId: string): Promise<number> {
  const views = await Promise.all((await routersOf({ dataDir })).map((router) => router.view()));
  return views.flatMap((view) => view.routes.flatMap((route) => route.slices)).filter((slice) => slice.runId === runId).length;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new HaldaneError('unavailable', `the drill waited ${patienceMs / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HaldaneClient } from '@haldane/client';
import { type Config, inventory, readAccess, startStack } from '@haldane/standalone';
import type { PaymentsEnvironment } from '../surroundings.ts';
import { startLoad } from './load.ts';
import type { Printer } from './printer.ts';
import { begin, exampleFile } from './runs.ts';

const require = createRequire(import.meta.url);

export type Killed = {
  readonly before: readonly string[];
  readonly atTheKill: readonly string[];
  /** What was there again as before, without anybody's doing, and after how long. */
  readonly after: readonly string[];
  readonly afterMs: number;
  /** What a new Haldane found of the run, and left of it. */
  readonly stop: string;
  readonly leftovers: readonly string[];
  readonly journalOpen: number;
  readonly tidy: boolean;
};

/**
 * Starts a Haldane of its own, kills it (-9) while a fault is on, and watches: first without helping, then with a new Haldane over the
 * same data folder. Takes as long as a lease.
 */
export async function killTheRunner(
  config: Config,
  environment: PaymentsEnvironment,
  print: Printer,
  signal: AbortSignal,
): Promise<Killed> {
  const dataDir = join(config.dataDir, 'killed');
  const env = { ...config.env, ...environment };
  const haldane = spawn(
    process.execPath,
    [require.resolve('@haldane/cli/bin/haldane.mjs'), '--data', dataDir, 'up', exampleFile('sound/service.yaml')],
    {
      env,
      stdio: ['ignore', 'ignore', 'ignore'],
      // In a group of its own, so that Ctrl-C in this terminal does not reach it: it is put back by us.
      detached: true,
    },
  );
  const gone = new Promise<void>((resolve) => haldane.once('exit', () => resolve()));
  const ending: (() => Promise<void>)[] = [];
  const own = { ...config, dataDir, env, port: 0, databaseUrl: null };
  try {
    const client = await reachable(dataDir, signal);
    const { address } = await client.deploy(exampleFile('sound/service.yaml'));
    const load = await startLoad(address, 'payments-sound of the killed Haldane', join(dataDir, 'load.log'), environment);
    ending.push(() => load.stop());
    const before = await inventory(own);
    const underway = await begin(client, 'sound/jwks.yaml', signal);
    // The kill ends this connection too; how the run ends is asked of the next Haldane.
    underway.ended.catch(() => undefined);
    while (!underway.status().includes(' proving') && !underway.status().includes(' observing')) {
      signal.throwIfAborted();
      if (underway.status().includes(' done'))
        throw new Error(`the run ended before it could be killed: ${(await client.run(underway.run.id)).stop?.why ?? 'no reason'}`);
      print.progress(`to be killed: ${underway.status()}`);
      await sleep(100);
    }
    const atTheKill = await inventory(own);
    haldane.kill('SIGKILL');
    await gone;
    const killedAt = Date.now();
    let after = await inventory(own);
    while (after.join('\n') !== before.join('\n') && Date.now() - killedAt < 30_000) {
      print.progress(
        `killed ${Math.round((Date.now() - killedAt) / 1000)} s ago; still there: ${after.filter((line) => !before.includes(line)).length} things of the run`,
      );
      await sleep(100);
      after = await inventory(own);
    }
    const afterMs = Date.now() - killedAt;
    return { before, atTheKill, after, afterMs, ...(await comeBack(own, underway.run.id, before)) };
  } finally {
    for (const end of ending) await end();
    haldane.kill('SIGKILL');
    await gone;
    // Ends the services and the router that outlived the kill.
    await (await startStack({ ...own, ephemeral: false })).stop();
  }
}

async function reachable(dataDir: string, signal: AbortSignal): Promise<HaldaneClient> {
  const until = Date.now() + 60_000;
  for (;;) {
    signal.throwIfAborted();
    const access = await readAccess(dataDir);
    const client = access === null ? null : new HaldaneClient(access);
    if (client !== null && (await client.alive())) return client;
    if (Date.now() > until) throw new Error('the Haldane that was to be killed did not start within a minute');
    await sleep(100);
  }
}

async function comeBack(
  own: Config,
  runId: string,
  before: readonly string[],
): Promise<Pick<Killed, 'stop' | 'leftovers' | 'journalOpen' | 'tidy'>> {
  const stack = await startStack({ ...own, ephemeral: true });
  try {
    const client = new HaldaneClient(stack.access);
    for await (const event of client.events(runId, 0, AbortSignal.timeout(60_000))) void event;
    const run = await client.run(runId);
    const report = JSON.parse(await client.report(runId, 'json')) as { journal: { state: string; change: { id: string } }[] };
    const now = await inventory(own);
    return {
      stop: run.stop?.reason ?? 'none',
      leftovers: [...(await client.sweep(false)).map((row) => row.what), ...now.filter((line) => !before.includes(line))],
      journalOpen: report.journal.filter((entry) => entry.state !== 'reverted').length,
      tidy: run.facts.restored?.clean === true,
    };
  } finally {
    await stack.stop();
  }
}

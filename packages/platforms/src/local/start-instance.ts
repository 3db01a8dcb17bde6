import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Clock, HaldaneError } from '@haldane/core';
import { endInstance } from './end-instance.ts';
import { readInstance } from './instances.ts';
import type { KeeperOrder } from './keeper/order.ts';

const keeperProgram = fileURLToPath(new URL('./keeper/main.js', import.meta.url));
/** A keeper holds one service and a few small files; it needs no more. */
const keeperLimits = ['--max-old-space-size=64', '--max-semi-space-size=2'];
const pollMs = 20;
const startWithinMs = 20_000;

/**
 * Starts a keeper, which starts the instance; resolves when the service's process was spawned. It need not be healthy. Starting one that is
 * kept already finds it. One whose keeper died is ended first: nobody enforces its lease.
 */
export async function startInstance(order: KeeperOrder, clock: Clock, signal: AbortSignal): Promise<void> {
  const there = readInstance(order.instance, order.folder);
  if (there.isKept && there.record?.fingerprint === order.fingerprint) return;
  await endInstance(there, clock, signal);
  rmSync(order.folder, { recursive: true, force: true });
  signal.throwIfAborted();
  const keeper = spawn(process.execPath, [...keeperLimits, keeperProgram, order.folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    // Its own environment is as bare as it can be: /proc shows it, and it needs nothing of ours.
    env: { PATH: order.env.PATH ?? '' },
  });
  const limit = clock.now() + startWithinMs;
  let ended: string | null = null;
  keeper.once('error', (error) => {
    ended = error.message;
  });
  keeper.once('exit', (code, by) => {
    // 3: somebody else's keeper was first and will say so in a moment.
    if (code !== 3) ended ??= `exit ${code ?? by ?? '?'}`;
  });
  keeper.stdin.on('error', () => undefined);
  keeper.stdin.end(JSON.stringify(order));
  keeper.unref();
  for (;;) {
    const now = readInstance(order.instance, order.folder);
    if (now.isKept && now.record !== null && (now.record.pid !== null || now.record.down !== null)) return;
    if (ended === null && clock.now() > limit) ended = `silent for ${startWithinMs} ms`;
    if (ended !== null)
      throw new HaldaneError(
        'unavailable',
        `the keeper of instance ${order.instance} of cluster ${order.cluster} did not start it (${ended})`,
      );
    await clock.sleep(pollMs, signal);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
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
/** Its service's SIGTERM, grace and SIGKILL, and some more. */
const keeperEndsWithinMs = 6000;

/**
 * Starts a keeper, which starts the instance; resolves when the service's process was spawned. It need not be healthy. Starting one that is
 * kept already finds it. One whose keeper died is ended first: nobody enforces its lease. When this throws, also because it was aborted, what
 * it had started is ended.
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
  try {
    await untilStarted(order, () => ended, clock, signal);
  } catch (error) {
    await endKeeper(keeper, order, clock);
    throw error;
  }
}

async function untilStarted(order: KeeperOrder, endedHow: () => string | null, clock: Clock, signal: AbortSignal): Promise<void> {
  const limit = clock.now() + startWithinMs;
  for (;;) {
    const now = readInstance(order.instance, order.folder);
    if (now.isKept && now.record !== null && (now.record.pid !== null || now.record.down !== null)) return;
    const ended = endedHow() ?? (clock.now() > limit ? `silent for ${startWithinMs} ms` : null);
    if (ended !== null)
      throw new HaldaneError(
        'unavailable',
        `the keeper of instance ${order.instance} of cluster ${order.cluster} did not start it (${ended})`,
      );
    await clock.sleep(pollMs, signal);
  }
}

/**
 * Ends a keeper that nobody waits for any more, however far it has come, and what it started: once its apply was given up, nobody
 * would look for an instance that appears later. Aborted or not, this is done.
 */
async function endKeeper(keeper: ChildProcess, order: KeeperOrder, clock: Clock): Promise<void> {
  const hasExited = () => keeper.pid === undefined || keeper.exitCode !== null || keeper.signalCode !== null;
  // One that has begun ends its service and removes its folder at SIGTERM; one that has not just ends.
  keeper.kill('SIGTERM');
  const since = clock.now();
  while (!hasExited()) {
    if (clock.now() - since > keeperEndsWithinMs) keeper.kill('SIGKILL');
    await clock.sleep(pollMs);
  }
  const left = readInstance(order.instance, order.folder);
  const isAnothers = keeper.exitCode === 3 || (left.record !== null && left.record.keeperPid !== keeper.pid);
  if (!isAnothers) await endInstance(left, clock, new AbortController().signal);
}

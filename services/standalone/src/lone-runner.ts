import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { HaldaneError, type Platform, systemClock } from '@haldane/core';
import { egress } from '@haldane/egress';
import { House, Runner } from '@haldane/runner';
import { openStore, type Store } from '@haldane/store';
import { allowedHosts } from './allowed-hosts.ts';
import { headFile } from './audit-heads.ts';
import { connectedAccount } from './aws-account.ts';
import type { Config } from './config.ts';
import { connectionsOf } from './connections-of.ts';
import { publish } from './desk.ts';
import { answerHealth } from './health.ts';
import { requireOwnFile } from './own-files.ts';
import { policyOf } from './policy-file.ts';
import { textIfThere } from './text-if-there.ts';
import { tracingOf } from './tracing/index.ts';
import { troubleLog } from './trouble-log.ts';

/** A runner by itself: it drives the runs of one pool, and nobody asks it for anything but how it is. */
export type LoneRunner = {
  /** Where it answers /healthz and /readyz. */
  readonly address: string;
  /** Leaves its runs to another runner of the pool, or puts them back when there is none. */
  stop(): Promise<void>;
};

export type LoneRunnerOptions = Config & { readonly pool: string };

/**
 * Starts a runner of the pool on a database that others use, too: with the account, the secrets, the files and the policy of its own machine.
 * Throws `bad-request` without a database or a platform that is elsewhere, and `denied` without a policy, or for a role of another pool.
 */
export async function startRunner(options: LoneRunnerOptions): Promise<LoneRunner> {
  const { dataDir, databaseUrl, aws, pool, env } = options;
  if (databaseUrl === null)
    throw new HaldaneError('bad-request', 'DATABASE_URL is not set: name the database of the Haldane whose runs are to be driven');
  if (aws === undefined)
    throw new HaldaneError(
      'bad-request',
      'no platform is connected, and what runs on this machine its own Haldane drives; set HALDANE_AWS_REGION',
    );
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const rules = join(dataDir, 'haldane.policy.yaml');
  if ((await textIfThere(rules)) === null)
    throw new HaldaneError(
      'denied',
      `there is no ${rules}: put your organisation's policy there; to go on without rules, write "rules: []"`,
    );
  await policyOf(dataDir);

  const clock = systemClock;
  const onTrouble = troubleLog(dataDir);
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const step of closing.reverse()) await step().catch((error: unknown) => onTrouble('stopping', error));
  };
  try {
    const store = await openStore({ url: databaseUrl, onAudit: headFile(dataDir, onTrouble) });
    closing.push(() => store.close());
    if (store.pool !== null && store.pool !== pool)
      throw new HaldaneError('denied', `DATABASE_URL names a role of pool ${store.pool}, which sees nothing of pool ${pool}`);
    const tracing = await tracingOf(env, onTrouble);
    closing.push(async () => tracing?.end());
    const permitFile = (file: string) => requireOwnFile(options.files, file);
    const account = await connectedAccount(aws, clock, connectionsOf(store.runs, env, permitFile), null);
    closing.push(async () => account.close());
    const house = houseOf(options, store, account.platform, permitFile);

    const name = `${hostname()} ${process.pid}`;
    const note = async (did: string) => {
      const act = { who: `the runner of pool ${pool}`, token: null, from: hostname(), did, to: `pool ${pool}`, detail: { runner: name } };
      await store.audit.append({ ...act, outcome: 'allowed', code: null });
    };
    await note('startRunner');
    closing.push(() => note('endRunner'));
    const runner = new Runner({
      name,
      pools: [pool],
      store,
      clock,
      assemble: (claim) => house.world(claim),
      onTrouble,
      ...(tracing === null ? {} : { traced: tracing }),
    });
    runner.start();
    closing.push(() => runner.handOver('this runner is shutting down'));
    const health = await answerHealth(options.port, async () => void (await store.runs.list(1)));
    closing.push(() => health.close());
    return { address: health.address, stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function houseOf(options: LoneRunnerOptions, store: Store, platform: Platform, permitFile: (file: string) => Promise<void>): House {
  const { dataDir, env } = options;
  return new House({
    store,
    clock: systemClock,
    platforms: [platform],
    dataplane: null,
    egress: egress(allowedHosts(options)),
    prometheus: options.prometheus,
    cloudwatch: options.aws && { ...options.aws, ...options.cloudwatch },
    env,
    permitFile,
    policy: () => policyOf(dataDir),
    publish: (report) => publish(dataDir, report),
  });
}

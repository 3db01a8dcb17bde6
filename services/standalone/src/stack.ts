import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { type ApiOptions, createApi, gateAnswer } from '@haldane/api';
import type { Access } from '@haldane/client';
import { type AuditHead, HaldaneError, type LaunchRecipe, type Run, type Scenario, systemClock } from '@haldane/core';
import { egress } from '@haldane/egress';
import { asItRuns, deployWords } from '@haldane/experiment';
import type { AppDoor } from '@haldane/notifiers';
import type { GitHubApp } from '@haldane/pipelines';
import { LocalProduction, localPlatform, productionName, type SweepRow, sweep } from '@haldane/platforms';
import { reports } from '@haldane/reports';
import { House, loadExperiment, Runner } from '@haldane/runner';
import { Scheduler } from '@haldane/scheduler';
import { openStore, type Store } from '@haldane/store';
import { removeAccess, writeAccess } from './access-file.ts';
import { allowedHosts } from './allowed-hosts.ts';
import { headFile } from './audit-heads.ts';
import { connectedAccount } from './aws-account.ts';
import { beginScheduled } from './begin-scheduled.ts';
import type { Config } from './config.ts';
import { connectionsOf } from './connections-of.ts';
import { desk, publish } from './desk.ts';
import { doormanOf } from './doorman.ts';
import { gitHubAppOf, gitHubDoor, gitHubHook } from './github-app.ts';
import { liveDataplane, startRouters } from './local-routers.ts';
import { requireOwnFile } from './own-files.ts';
import { own } from './ownership.ts';
import { policyOf } from './policy-file.ts';
import { poolOf } from './pool.ts';
import { readTrust } from './read-trust.ts';
import { secret } from './router-token.ts';
import { signingKeys } from './signing-keys.ts';
import { sweepAll } from './sweep-all.ts';
import { heraldOf, mayTell, type Telling, tellingOf } from './telling.ts';
import { tracingOf } from './tracing/index.ts';
import { troubleLog } from './trouble-log.ts';
import { watch } from './watch.ts';

/** How long what an ephemeral stack started goes on after the stack was killed. */
const lingerMs = 60_000;
const renewEveryMs = 1_000;

export type StackOptions = Config & {
  /** True when the stack lives only as long as one command: then services and router end by themselves if it is killed. */
  readonly ephemeral: boolean;
  /** What senders of alerts show; a fresh one when it is not given. */
  readonly alertToken?: string;
  /** How often the API may be asked; its own bounds when it is not given. */
  readonly rates?: NonNullable<ApiOptions['rates']>;
  /** How certificates of SNS are had; from AWS when it is not given. */
  readonly fetchSns?: NonNullable<ApiOptions['fetchSns']>;
  /** A store that is open already, in place of one of this stack's own; the stack closes it. */
  readonly store?: Store;
  /** What can be done to a service; the room's list when it is not given. */
  readonly scenarios?: readonly Scenario[];
};

/** A running Haldane: API, runner and database on this machine, with routers of their own processes beside it. */
export type Stack = {
  readonly access: Access;
  /** Where the alert of `receiver` is to be posted. */
  readonly alertUrl: (receiver: string) => string;
  /**
   * Puts every run back, then ends everything that this data folder started. With a shared pool, runs that another Haldane takes are handed
   * over instead.
   */
  stop(): Promise<void>;
};

/**
 * Starts the whole house over one data folder. Throws `stack-running` while another process owns it; adopts what a killed one left
 * (database, router, services) and puts back the runs that it abandoned.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataDir } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const onTrouble = troubleLog(dataDir);
  const clock = systemClock;
  const ownership = await own(dataDir);
  const closing: (() => Promise<void>)[] = [() => ownership.release()];
  const close = async () => {
    for (const step of closing.reverse()) await step().catch((error: unknown) => onTrouble('stopping', error));
  };
  try {
    const onAudit = headFile(dataDir, onTrouble);
    const store = await storeOf(options, onAudit);
    closing.push(() => store.close());
    const tracing = await tracingOf(options.env, onTrouble);
    closing.push(async () => tracing?.end());
    const routers = await startRouters({ dataDir, count: options.routers ?? 1, clock, ...(options.ephemeral ? { lingerMs } : {}) });
    const { dataplane } = routers;
    // What an earlier Haldane left to serve is not ours to end, unless we are the one that stays up.
    const ours = { routers: !options.ephemeral || !routers.adopted, deployed: new Set<string>() };
    closing.push(async () => {
      if (ours.routers) await routers.drain();
    });

    const production = new LocalProduction({ dataDir, dataplane, clock });
    const productionUntil = () => (options.ephemeral ? clock.now() + lingerMs : null);
    const deploy = async (recipe: LaunchRecipe, signal: AbortSignal) => {
      const before = production.deployed().some((one) => one.name === productionName(recipe));
      const state = await production.deployProduction(recipe, productionUntil(), signal);
      if (!before) ours.deployed.add(state.cluster);
      return state;
    };
    if (!routers.adopted) await production.restoreRoutes();
    closing.push(async () => {
      for (const { name, recipe } of production.deployed())
        if (recipe !== null && (!options.ephemeral || ours.deployed.has(name))) await production.undeploy(recipe);
    });
    const watching = watch(renewEveryMs, onTrouble, async () => {
      production.renewProduction(productionUntil());
      const gone = await routers.revive();
      if (gone > 0) {
        onTrouble(`${gone === 1 ? 'a router was' : `${gone} routers were`} gone and started again`, null);
        await production.restoreRoutes();
      }
      // Shows the token, so that a lingering router knows that somebody is there.
      await dataplane.view();
    });
    closing.push(() => watching.stop());

    const platform = localPlatform({ dataDir, dataplane, clock });
    const permitFile = (file: string) => requireOwnFile(options.files, file);
    const connections = connectionsOf(store.runs, options.env, permitFile);
    const account = options.aws === undefined ? null : await connectedAccount(options.aws, clock, connections, dataplane);
    closing.push(async () => account?.close());
    // Who starts with a bad policy, or a receiver without its secret, should hear of it now and not from the first run.
    await policyOf(dataDir);
    const gitHub = await gitHubAppOf({ dataDir, env: options.env, clock });
    // Asked when somebody is told of a run, and so when there is a house.
    const known: Pick<AppDoor, 'gate' | 'report'> = {
      gate: (service, revision) => gateAnswer({ store }, service, revision, null),
      report: async (id) => markdownOf(await store.runs.get(id), house),
    };
    const gitHubApp = gitHub && gitHubDoor(gitHub, known);
    const telling = await tellingOf({ dataDir, env: options.env, clock, allow: options.allow, gitHubApp });
    const out = egress(allowedHosts(options));
    const house = new House({
      store,
      clock,
      platforms: [platform, ...(account === null ? [] : [account.platform])],
      dataplane,
      egress: out,
      prometheus: options.prometheus,
      cloudwatch: options.aws && { ...options.aws, ...options.cloudwatch },
      env: options.env,
      permitFile,
      policy: () => policyOf(dataDir),
      publish: (report) => publish(dataDir, report),
      ...(options.scenarios === undefined ? {} : { scenarios: options.scenarios }),
    });
    const pool = await poolOf(dataDir);
    // A stack that lives for one command hands nothing over and takes nothing up. What stands on this machine nobody else can reach.
    const shared = options.ephemeral ? pool : (options.pool ?? pool);
    const poolOn = (id: string) => (id === platform.id ? pool : shared);
    const herald = heraldOf(telling, { store, house, pools: [pool, shared], onTrouble, clock });
    if (mayTell(telling, options)) {
      herald.start();
      closing.push(() => herald.stop());
    }
    const signing = await signingKeys(dataDir);
    const behind = desk({ dataDir, files: options.files, env: options.env, clock, store, house, pool, poolOn, deploy, dataplane, signing });
    const runner = new Runner({
      name: `${hostname()} ${process.pid}`,
      pools: [pool, shared],
      store,
      clock,
      assemble: (claim) => house.world(claim),
      ...(tracing === null ? {} : { traced: tracing }),
      onTrouble,
    });
    runner.start();
    const why = 'Haldane is shutting down';
    closing.push(() => runner.handOver(why, ({ experiment }) => poolOn(experiment.platform) !== pool));

    const commitLive = async (file: string, signal: AbortSignal) => {
      const { spec } = await loadExperiment(file, { env: options.env, scenarios: house.scenarios(), permitFile }, signal);
      const live = await asItRuns(await house.pipeline(spec).interrogate(spec, signal), house.platform(spec.platform), signal);
      const deploying = deployWords(live);
      if (deploying !== null) throw new HaldaneError('refused', deploying);
      return live.commit ?? live.revision;
    };
    const scheduler = new Scheduler({
      schedules: store.schedules,
      pools: [pool],
      begin: beginScheduled({ desk: behind, runs: store.runs, policy: store.policy, audit: store.audit }),
      liveRevision: async (file) => {
        const signal = AbortSignal.timeout(60_000);
        const { spec } = await loadExperiment(file, { env: options.env, scenarios: house.scenarios(), permitFile }, signal);
        const { clusters } = house.platform(spec.platform);
        const { source, deployInProgress } = await house.pipeline(spec).interrogate(spec, signal);
        // What is being deployed is live when it is done; until then nobody can say.
        if (deployInProgress || ((await clusters.rolling?.(source, signal)) ?? []).length > 0) return null;
        return (await clusters.describe(source, signal))?.revision ?? null;
      },
      sweep: () => sweepAll(store, () => behind.sweep(true)),
      onTrouble,
    });
    // A stack that lives for one command does that command's work only.
    if (!options.ephemeral) {
      scheduler.start();
      closing.push(() => scheduler.stop());
    }

    const trust = options.env['HALDANE_TRUST'];
    const apiToken = secret();
    const alertToken = options.alertToken ?? secret();
    const api = createApi({
      desk: behind,
      tokens: [apiToken],
      alertTokens: [alertToken],
      ...(trust === undefined ? {} : { trust: await readTrust(trust) }),
      egress: out,
      ...waysOf(options),
      ...hooksOf(telling, gitHub, store),
      onError: (error) => onTrouble('answering the API', error),
    });
    const address = await api.listen({ host: '127.0.0.1', port: options.port });
    closing.push(() => api.close());
    await writeAccess(dataDir, { address, token: apiToken, alertToken, pid: process.pid });
    closing.push(() => removeAccess(dataDir));
    if (!options.ephemeral) {
      const doorman = doormanOf({ store, address, gitHub, stages: { pool, live: commitLive }, onTrouble, clock });
      doorman.start();
      closing.push(() => doorman.stop());
    }
    // The API goes last to come and, but for telling how the runs ended, last to go: see the order above.
    return {
      access: { address, token: apiToken },
      alertUrl: (receiver) => `${address}/alerts/${receiver}?token=${alertToken}`,
      stop: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Throws `denied` for a role that may only drive runs. */
async function storeOf({ store, dataDir, databaseUrl }: StackOptions, onAudit: (head: AuditHead) => void): Promise<Store> {
  if (store !== undefined) return store;
  const opened = await openStore({ ...(databaseUrl === null ? { dataDir } : { url: databaseUrl }), onAudit });
  const { pool } = opened;
  if (pool === null) return opened;
  await opened.close();
  throw new HaldaneError(
    'denied',
    `DATABASE_URL names a role that drives the runs of pool ${pool} and may do nothing else; haldane runner starts a runner with it`,
  );
}

/** A run's report in Markdown; null for a run of a platform that is not connected here. */
async function markdownOf(run: Run | null, house: House): Promise<string | null> {
  return run === null ? null : house.report(run).then(reports.markdown, () => null);
}

/** Where outside systems may call, those that are known here. */
function hooksOf(telling: Telling | null, gitHub: GitHubApp | null, store: Store): Pick<ApiOptions, 'slack' | 'gitHub'> {
  return {
    ...(telling === null || telling.slack === null ? {} : { slack: telling.slack }),
    ...(gitHub === null ? {} : { gitHub: gitHubHook(gitHub, store) }),
  };
}

/** What of the API's own ways a stack may change. */
function waysOf({ rates, fetchSns }: StackOptions): Pick<ApiOptions, 'rates' | 'fetchSns'> {
  return { ...(rates === undefined ? {} : { rates }), ...(fetchSns === undefined ? {} : { fetchSns }) };
}

/** Looks for what is past its expiry without the database; with `end`, ends it. */
export async function sweepLocal(config: Config, end: boolean): Promise<readonly SweepRow[]> {
  return sweep({
    dataDir: config.dataDir,
    dataplane: await liveDataplane(config.dataDir),
    clock: systemClock,
    now: systemClock.now(),
    end,
  });
}
